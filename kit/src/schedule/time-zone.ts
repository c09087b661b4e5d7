import { ConfigError } from "../errors/mod.ts";

/** Where local time is ahead of or behind UTC, and by how much. */
export interface TimeZone {
  readonly name: string;
  /** Local time minus UTC, in milliseconds, at an instant. */
  offsetAt(atMs: number): number;
  /** The first instant after `afterMs` and not after `untilMs` at which the offset changes. */
  changeWithin(afterMs: number, untilMs: number): number | undefined;
}

// No zone has changed twice within less than this and come back to the same offset.
const lookMs = 86_400_000;

/** A zone by its IANA name. Throws {@link ConfigError} for a name that this runtime does not know. */
export function timeZone(name: string): TimeZone {
  if (name === "UTC") return { name, offsetAt: () => 0, changeWithin: () => undefined };
  const format = formatOf(name);
  const offsetAt = (atMs: number): number => localOf(format, atMs) - Math.floor(atMs / 1_000) * 1_000;
  return { name, offsetAt, changeWithin: (afterMs, untilMs) => changeWithin(offsetAt, afterMs, untilMs) };
}

function formatOf(name: string): Intl.DateTimeFormat {
  try {
    const digits = "2-digit";
    return new Intl.DateTimeFormat("en-US", {
      timeZone: name,
      calendar: "gregory",
      numberingSystem: "latn",
      hourCycle: "h23",
      year: "numeric",
      month: digits,
      day: digits,
      hour: digits,
      minute: digits,
      second: digits,
    });
  } catch {
    throw new ConfigError("timeZone", name, `an IANA time zone such as "Europe/Berlin"`);
  }
}

function localOf(format: Intl.DateTimeFormat, atMs: number): number {
  const at: Record<string, number> = {};
  for (const { type, value } of format.formatToParts(atMs)) at[type] = Number(value);
  const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = at;
  return Date.UTC(year, month - 1, day, hour, minute, second);
}

function changeWithin(offsetAt: (atMs: number) => number, afterMs: number, untilMs: number): number | undefined {
  const offset = offsetAt(afterMs);
  for (let low = afterMs; low < untilMs; low += lookMs) {
    let high = Math.min(low + lookMs, untilMs);
    if (offsetAt(high) === offset) continue;
    let same = low;
    while (high - same > 1) {
      const middle = Math.floor((same + high) / 2);
      if (offsetAt(middle) === offset) same = middle;
      else high = middle;
    }
    return high;
  }
  return undefined;
}
