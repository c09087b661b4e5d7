import type { Ended } from "./verdict.ts";

const months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const time = "(\\d{2}):(\\d{2}):(\\d{2})";
const fixedDate = new RegExp(`^[A-Z][a-z]{2}, (\\d{2}) ([A-Z][a-z]{2}) (\\d{4}) ${time} GMT$`);
const longDate = new RegExp(`^[A-Z][a-z]+day, (\\d{2})-([A-Z][a-z]{2})-(\\d{2}) ${time} GMT$`);
const plainDate = new RegExp(`^[A-Z][a-z]{2} ([A-Z][a-z]{2}) ([ \\d]\\d) ${time} (\\d{4})$`);

/**
 * A `Retry-After` header in milliseconds from `nowMs` (epoch): whole seconds, or a date in any of the three forms of HTTP; a date that
 * is over is 0. Undefined for what is neither. Source: RFC 9110, sections 10.2.3 and 5.6.7.
 */
export function parseRetryAfter(text: string, nowMs: number): number | undefined {
  const trimmed = text.trim();
  if (/^\d{1,12}$/.test(trimmed)) return Number(trimmed) * 1_000;
  const atMs = dateOf(trimmed, nowMs);
  return atMs === undefined ? undefined : Math.max(0, atMs - nowMs);
}

function dateOf(text: string, nowMs: number): number | undefined {
  const fixed = fixedDate.exec(text);
  if (fixed !== null) return utc(fixed[3], fixed[2], fixed.slice(1, 2).concat(fixed.slice(4)));
  const plain = plainDate.exec(text);
  if (plain !== null) return utc(plain[6], plain[1], plain.slice(2, 6));
  const long = longDate.exec(text);
  if (long === null) return undefined;
  // Two digits that would be more than fifty years ahead are the past century's.
  const thisYear = new Date(nowMs).getUTCFullYear();
  const year = thisYear - (thisYear % 100) + Number(long[3]);
  return utc(String(year > thisYear + 50 ? year - 100 : year), long[2], long.slice(1, 2).concat(long.slice(4)));
}

function utc(year: string | undefined, month: string | undefined, rest: readonly string[]): number | undefined {
  const place = months.indexOf(month ?? "");
  const [day = 0, hour = 0, minute = 0, second = 0] = rest.map(Number);
  if (place < 0 || day < 1 || day > 31 || hour > 23 || minute > 59 || second > 60) return undefined;
  return Date.UTC(Number(year), place, day, hour, minute, second);
}

/**
 * When whoever was called wants to be asked again, if it says so: `retryAfterMs` of an error or value in milliseconds, or the header of something
 * that looks like a Response (also as `response` of an error). Never throws.
 */
export function retryAfterOf(ended: Ended, nowMs: number): number | undefined {
  const told = ended.ok ? ended.value : ended.error;
  if (typeof told !== "object" || told === null) return undefined;
  if ("retryAfterMs" in told && typeof told.retryAfterMs === "number" && told.retryAfterMs >= 0)
    return told.retryAfterMs;
  const answer = "response" in told && typeof told.response === "object" ? told.response : told;
  const header = answer === null ? null : headerOf(answer);
  return header === null ? undefined : parseRetryAfter(header, nowMs);
}

function headerOf(answer: object): string | null {
  if (!("headers" in answer) || typeof answer.headers !== "object" || answer.headers === null) return null;
  if (answer.headers instanceof Headers) return answer.headers.get("retry-after");
  const plain = "retry-after" in answer.headers ? answer.headers["retry-after"] : null;
  return typeof plain === "string" ? plain : null;
}
