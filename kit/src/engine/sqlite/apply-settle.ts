import { invariant } from "../../errors/mod.ts";
import type { Settle } from "../change.ts";
import type { Outcome } from "../commit-result.ts";
import { withFailure } from "../failure-list.ts";
import type { Receipt, Settlement } from "../message.ts";
import { messageNumber } from "../validate-request.ts";
import { leaveGate } from "./gate.ts";
import type { QueueHead } from "./heads.ts";
import type { HeldMessage } from "./held-messages.ts";
import { dead, delayed, ready, running, suspect } from "./schema.ts";
import { readFailures, type MessageRow, type Work } from "./work.ts";

/** Ends a message and lets in who waited for its key. False: the receipt is not current. */
export function acknowledged(work: Work, receipt: Receipt): boolean {
  const queue = work.heads.findQueue(receipt.queue);
  const number = messageNumber(receipt.id);
  if (queue === undefined || number === undefined) return false;
  const held = work.held.get(number);
  const key = held === undefined ? deleted(work, queue, { number, token: receipt.token }) : keyOf(held, queue, receipt);
  if (key === undefined) return false;
  if (held !== undefined) {
    work.messages.acknowledge(number);
    work.held.drop(number);
  }
  work.heads.count(queue, running, undefined);
  // A plain acknowledgement concerns nobody; others wait for what the key lets in.
  if (leaveGate(work, queue, key)) work.topics.addQueue(receipt.queue);
  return true;
}

/** Deletes a message in one statement, whose result is the fence: its key, or undefined when the receipt is not current. */
function deleted(
  work: Work,
  queue: QueueHead,
  { number, token }: { readonly number: number; readonly token: number },
): string | null | undefined {
  work.messages.flush();
  const row = work.sql.ackKeyed.get(number, queue.id, token) as unknown as KeyRow | undefined;
  return row?.[0];
}

type KeyRow = readonly [key: string | null];

/** Key of a message that is known to be running, when the receipt is the current one. */
function keyOf(held: HeldMessage, queue: QueueHead, { token }: Receipt): string | null | undefined {
  return held.queue === queue.id && held.token === token ? held.key : undefined;
}

/** Whether the receipt is the current one of its message. A lease that is over counts until somebody rescues the message. */
export function isHeld(work: Work, { queue: name, id, token }: Receipt): boolean {
  const queue = work.heads.findQueue(name);
  const number = messageNumber(id);
  if (queue === undefined || number === undefined) return false;
  const held = work.held.get(number);
  if (held !== undefined) return held.queue === queue.id && held.token === token;
  work.messages.flush();
  const row = work.sql.isHeld.get(number, queue.id, token) as unknown as KeyRow | undefined;
  if (row === undefined) return false;
  work.held.remember(number, { queue: queue.id, token, key: row[0] });
  return true;
}

function heldMessage(work: Work, { queue: name, id, token }: Receipt): MessageRow | undefined {
  const queue = work.heads.findQueue(name);
  const number = messageNumber(id);
  if (queue === undefined || number === undefined) return undefined;
  work.messages.flush();
  return work.sql.held.get(number, queue.id, token) as MessageRow | undefined;
}

/** Carries out a settlement whose receipt was found current. */
export function applySettle(work: Work, { receipt, as }: Settle): Outcome {
  const settled = { op: "settle" } as const;
  if (as.kind === "ack") {
    invariant(acknowledged(work, receipt), "an acknowledgement that passed its judgement has a running message");
    return settled;
  }
  const message = heldMessage(work, receipt);
  invariant(message !== undefined, "a settlement that passed its judgement has a running message");
  // Others wait for what comes back, now or later, and for what the key lets in.
  work.topics.addQueue(receipt.queue);
  settle(work, { queue: work.heads.queue(receipt.queue), message }, as);
  return settled;
}

/** A message and its queue. */
export interface Held {
  readonly queue: QueueHead;
  readonly message: MessageRow;
}

function settle(work: Work, held: Held, as: Exclude<Settlement, { readonly kind: "ack" }>): void {
  const { message } = held;
  switch (as.kind) {
    case "dead":
      return bury(work, held, {
        reason: as.reason,
        failure: as.failure,
        crashes: message.crashes,
        attempt: message.attempt,
      });
    case "release":
      return toOldPlace(work, held, message.crashes);
    case "retry": {
      const { attempt, crashes } = message;
      return sleep(work, held, { delayMs: as.delayMs, attempt, crashes, failure: as.failure });
    }
    case "park":
      return sleep(work, held, { delayMs: as.delayMs, attempt: message.attempt - 1, crashes: 0, failure: undefined });
    default:
      throw new Error(`unknown settlement ${JSON.stringify(as satisfies never)}`);
  }
}

interface Sleep {
  readonly delayMs: number | undefined;
  readonly attempt: number;
  readonly crashes: number;
  readonly failure: string | undefined;
}

function sleep(work: Work, { queue, message }: Held, { delayMs, attempt, crashes, failure }: Sleep): void {
  const isReady = message.woken === 1 || delayMs === 0;
  const due = isReady || delayMs === undefined ? null : work.nowMs + delayMs;
  const seq = isReady ? work.heads.nextSeq() : message.seq;
  const state = isReady ? ready : delayed;
  work.held.drop(message.id);
  work.sql.place.run(state, seq, due, attempt, crashes, failuresWith(message.failures, failure), message.id);
  work.heads.count(queue, running, state);
}

/** Returns a message to where it was; with crashes behind it, among the suspects. Its attempt is not counted. */
export function toOldPlace(work: Work, { queue, message }: Held, crashes: number): void {
  const state = crashes > 0 ? suspect : ready;
  work.held.drop(message.id);
  work.sql.place.run(state, message.seq, null, message.attempt - 1, crashes, message.failures, message.id);
  work.heads.count(queue, running, state);
}

interface Burial {
  readonly reason: string;
  readonly failure: string | undefined;
  readonly crashes: number;
  readonly attempt: number;
}

/** Moves a running message to the dead letters and lets the next of its key in. */
export function bury(work: Work, { queue, message }: Held, { reason, failure, crashes, attempt }: Burial): void {
  const failures = failuresWith(message.failures, failure);
  work.held.drop(message.id);
  work.sql.bury.run(attempt, crashes, failures, reason, work.nowMs, message.id);
  work.heads.count(queue, running, dead);
  leaveGate(work, queue, message.key);
}

function failuresWith(stored: string | null, failure: string | undefined): string | null {
  return failure === undefined ? stored : JSON.stringify(withFailure(readFailures(stored), failure));
}
