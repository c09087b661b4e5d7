import { UnsupportedError } from "../../errors/mod.ts";
import type { Change, Enqueue, Put, Settle } from "../change.ts";
import { crashesDefault } from "../limits.ts";
import type { NewMessage } from "../message.ts";
import type { Call } from "./calls.ts";

/** Appends the words of a call, in the order in which the script takes them. */
export function addCall(words: string[], call: Call, nowMs: number): void {
  switch (call.kind) {
    case "commit": {
      const { changes } = call;
      words.push("C", changes.some((change) => needsRoom(change)) ? "1" : "0", String(changes.length));
      for (const change of changes) addChange(words, change, nowMs);
      return;
    }
    case "claim": {
      const { queue, count, leaseMs, suspects = count, crashesMax = crashesDefault } = call.request;
      words.push("T", queue, String(count), String(leaseMs), String(suspects), String(crashesMax));
      return;
    }
    case "extend": {
      words.push("X", String(call.leaseMs), String(call.receipts.length));
      for (const { queue, id, token } of call.receipts) words.push(queue, id, String(token));
      return;
    }
    default:
      throw new Error(`unknown call ${JSON.stringify(call satisfies never)}`);
  }
}

/** What adds to the data; everything else goes on when the server is full, because it makes room in the end. */
function needsRoom(change: Change): boolean {
  switch (change.op) {
    case "enqueue":
      return change.messages.length > 0;
    case "put":
      return change.value !== undefined;
    case "seen":
      return true;
    default:
      return false;
  }
}

function addChange(words: string[], change: Change, nowMs: number): void {
  switch (change.op) {
    case "enqueue":
      return addEnqueue(words, change, nowMs);
    case "settle":
      return addSettle(words, change);
    case "hold":
      return addWords(words, "h", change.receipt.queue, change.receipt.id, change.receipt.token);
    case "put":
      return addPut(words, change);
    case "check":
      return addWords(words, "k", change.cell.space, change.cell.key, expectations[change.expect] ?? change.expect);
    case "seen":
      return addWords(words, "i", change.consumer, change.id, change.keepMs);
    case "wake":
      return addWords(words, "w", change.queue, "", change.ids.length, ...change.ids);
    case "redrive":
      return addWords(words, "r", change.queue, change.keyConcurrency ?? "", change.ids.length, ...change.ids);
    case "discard":
      return addWords(words, "x", change.queue, change.state === "dead" ? "d" : "", change.ids.length, ...change.ids);
    case "flow":
      return addWords(words, "f", change.queue, change.to === "paused" ? "p" : "o");
    case "append":
      throw new UnsupportedError("append", "engine redis", "it keeps no events");
    default:
      throw new Error(`unknown change ${JSON.stringify(change satisfies never)}`);
  }
}

function addWords(words: string[], ...all: readonly (string | number)[]): void {
  for (const word of all) words.push(String(word));
}

const expectations: Readonly<Record<string, string>> = { absent: "a", present: "p", any: "*" };

function addPut(words: string[], { cell, expect, value, expiresInMs }: Put): void {
  addWords(words, "p", cell.space, cell.key, expectations[expect] ?? expect, optional(value), expiresInMs ?? "");
}

function addSettle(words: string[], { receipt, as }: Settle): void {
  words.push("s", receipt.queue, receipt.id, String(receipt.token));
  switch (as.kind) {
    case "ack":
      return addWords(words, "a");
    case "release":
      return addWords(words, "l");
    case "retry":
      return addWords(words, "r", as.delayMs, optional(as.failure));
    case "park":
      return addWords(words, "p", as.delayMs ?? "");
    case "dead":
      return addWords(words, "d", as.reason, optional(as.failure));
    default:
      throw new Error(`unknown settlement ${JSON.stringify(as satisfies never)}`);
  }
}

function optional(text: string | undefined): string {
  return text === undefined ? "-" : `+${text}`;
}

function addEnqueue(words: string[], change: Enqueue, nowMs: number): void {
  const { queue, messages, keyConcurrency = 1, depthMax = "" } = change;
  addWords(words, "e", queue, keyConcurrency, depthMax, messages.length);
  for (const message of messages) addMessage(words, message, nowMs);
}

function addMessage(words: string[], message: NewMessage, nowMs: number): void {
  const { lane = 0, key, delayMs = 0, dedup, claimForMs = 0 } = message;
  words.push(contentOf(message, nowMs));
  // A delay of 0 is no due time: were the clock to step back, the message would not be held for it.
  const dueAtMs = message.dueAtMs ?? (delayMs === 0 ? -1 : nowMs + delayMs);
  if (lane === 0 && dueAtMs === -1 && key === undefined && dedup === undefined && claimForMs === 0) {
    words.push("");
    return;
  }
  words.push(`${lane} ${dueAtMs} ${claimForMs} ${dedup?.forMs ?? 0} ${key === undefined ? 0 : 1}`);
  if (key !== undefined) words.push(key);
  if (dedup !== undefined) words.push(dedup.key);
}

/** What never changes of a message, as one text: when it was added, how long its headers are, its headers and its body. */
function contentOf({ headers, body }: NewMessage, nowMs: number): string {
  const text = headers === undefined ? "" : JSON.stringify(headers);
  return `${nowMs} ${text.length} ${text}${body}`;
}

/** The parts of {@link contentOf}'s text. */
export interface Content {
  readonly enqueuedAtMs: number;
  readonly headers: Readonly<Record<string, string>> | undefined;
  readonly body: string;
}

export function readContent(text: string): Content {
  const first = text.indexOf(" ");
  const second = text.indexOf(" ", first + 1);
  const bodyAt = second + 1 + Number(text.slice(first + 1, second));
  const headers = text.slice(second + 1, bodyAt);
  return {
    enqueuedAtMs: Number(text.slice(0, first)),
    headers: headers === "" ? undefined : (JSON.parse(headers) as Record<string, string>),
    body: text.slice(bodyAt),
  };
}
