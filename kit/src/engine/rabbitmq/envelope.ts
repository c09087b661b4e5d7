import type { Outgoing, WireMessage } from "../../drivers/amqp/mod.ts";
import { ChangeError } from "../errors.ts";
import { timeOfId } from "./ids.ts";

/** What an engine keeps of a message beside its body. */
export interface Carried {
  readonly id: string;
  readonly body: string;
  readonly headers: Readonly<Record<string, string>> | undefined;
  readonly enqueuedAtMs: number;
  /** Attempts that count so far. */
  readonly attempts: number;
  readonly crashes: number;
  /** The last token that was given out. */
  readonly token: number;
  readonly isSuspect: boolean;
  readonly failures: readonly string[];
}

/** Why and when a message died. */
export interface Death {
  readonly reason: string;
  readonly diedAtMs: number;
}

const utf8 = new TextDecoder();
const noFailures: readonly string[] = [];
const stateHeader = "x-ashlar";
/** Type, in the sense of AMQP, of messages without a state: nothing has happened to them yet. */
const newType = "ashlar.new";
const ownHeader = "x-ashlar-headers";
/** The client library writes a table of headers in 64 KiB; half of it is for failures. */
const headersBytesMax = 24 * 1024;
const failureBytesMax = 2_000;
const failuresBytesMax = 32 * 1024;
/** Each time a message is handed out again by the broker, its tokens start above all that the process before may have given. */
export const tokensPerDelivery = 1_000;

type Enclosed = Pick<Outgoing, "content" | "messageId" | "headers" | "type">;

/** The message as it is published. Throws ChangeError when its headers are too large for AMQP. */
export function enclose(carried: Carried, death?: Death): Enclosed {
  const { id, body, headers } = carried;
  const isUntouched = death === undefined && isNew(carried);
  const type = isUntouched ? newType : undefined;
  // A table of headers costs the client as much as the rest of a message.
  if (isUntouched && headers === undefined) return { content: body, messageId: id, type };
  const table: Record<string, string> = {};
  if (!isUntouched) table[stateHeader] = stateOf(carried, death);
  if (headers !== undefined) table[ownHeader] = JSON.stringify(headers);
  if (death !== undefined) table["x-ashlar-reason"] = death.reason.slice(0, failureBytesMax);
  if (Buffer.byteLength(table[ownHeader] ?? "") > headersBytesMax)
    throw new ChangeError(
      `the headers of a message on RabbitMQ are at most ${headersBytesMax} bytes; put more into the body`,
    );
  return { content: body, messageId: id, headers: table, type };
}

/** Nothing has happened to it, and when it was added is in its id. */
function isNew({ id, enqueuedAtMs, attempts, crashes, token, isSuspect, failures }: Carried): boolean {
  const hasHistory = attempts > 0 || crashes > 0 || token > 0 || isSuspect || failures.length > 0;
  return !hasHistory && timeOfId(id) === enqueuedAtMs;
}

function stateOf({ enqueuedAtMs, attempts, crashes, token, isSuspect, failures }: Carried, death?: Death): string {
  return JSON.stringify({ enqueuedAtMs, attempts, crashes, token, isSuspect, failures: cut(failures), ...death });
}

/** A message that nothing has happened to. */
export function untouched(message: Pick<Carried, "id" | "body" | "headers" | "enqueuedAtMs">): Carried {
  const { id, body, headers, enqueuedAtMs } = message;
  return { id, body, headers, enqueuedAtMs, attempts: 0, crashes: 0, token: 0, isSuspect: false, failures: noFailures };
}

/** The message as it arrived. What somebody else published counts as new. */
export function disclose(message: WireMessage, newId: () => string, nowMs: number): Carried {
  const { properties, content } = message;
  const { messageId: id = newId(), headers: table = {}, type } = properties;
  const body = utf8.decode(content);
  const headers = table[ownHeader] === undefined ? undefined : (recordOf(table[ownHeader]) as Record<string, string>);
  const returned = table["x-delivery-count"];
  if (type === newType && returned === undefined)
    return untouched({ id, body, headers, enqueuedAtMs: timeOfId(id) ?? nowMs });
  const state = recordOf(table[stateHeader]);
  const number = (name: string): number => (Number.isSafeInteger(state[name]) ? Number(state[name]) : 0);
  const returns = typeof returned === "number" ? returned : 0;
  const failures: unknown = state["failures"];
  const addedAtMs = type === newType ? timeOfId(id) : number("enqueuedAtMs");
  return {
    id,
    body,
    headers,
    enqueuedAtMs: addedAtMs || nowMs,
    attempts: number("attempts"),
    crashes: number("crashes") + returns,
    token: number("token") + returns * tokensPerDelivery,
    isSuspect: state["isSuspect"] === true || returns > 0,
    failures: Array.isArray(failures) ? failures.map(String) : [],
  };
}

/** Long failures lose their end, and of too many the middle ones go. */
function cut(failures: readonly string[]): readonly string[] {
  const shortened = failures.map((failure) => failure.slice(0, failureBytesMax));
  while (Buffer.byteLength(JSON.stringify(shortened)) > failuresBytesMax) shortened.splice(1, 1);
  return shortened;
}

function recordOf(text: unknown): Record<string, unknown> {
  if (typeof text !== "string") return {};
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
