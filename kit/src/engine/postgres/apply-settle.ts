import { invariant } from "../../errors/mod.ts";
import type { Settle } from "../change.ts";
import type { Outcome } from "../commit-result.ts";
import { withFailure } from "../failure-list.ts";
import { leave } from "./gate.ts";
import { heldRow } from "./judge.ts";
import { dead, delayed, ready, suspect } from "./schema.ts";
import { type MessageRow, readFailures, type Work } from "./work.ts";

/** Ends a claim whose receipt was found current. */
export function applySettle(work: Work, { receipt, as }: Settle): Outcome {
  const row = heldRow(work, receipt);
  invariant(row !== undefined, "a settlement that passed its judgement has a running message");
  row.isAmended = true;
  // Others wait for what comes back, now or later, and for what the key lets in; a plain ack concerns nobody.
  if (as.kind !== "ack" || row.key !== undefined) work.topics.addQueue(receipt.queue);
  switch (as.kind) {
    case "ack":
      work.move(row, undefined);
      leave(work, row);
      break;
    case "dead":
      addFailure(row, as.failure);
      bury(work, row, as.reason);
      break;
    case "release":
      toOldPlace(work, row, row.crashes);
      break;
    case "retry":
      addFailure(row, as.failure);
      sleep(work, row, as.delayMs);
      break;
    case "park":
      row.attempt -= 1;
      row.crashes = 0;
      sleep(work, row, as.delayMs);
      break;
    default:
      throw new Error(`unknown settlement ${JSON.stringify(as satisfies never)}`);
  }
  return { op: "settle" };
}

/** To the dead letters; its key passes on. */
export function bury(work: Work, row: MessageRow, reason: string): void {
  row.due = null;
  row.woken = false;
  row.reason = reason;
  row.diedAtMs = work.nowMs;
  work.move(row, dead);
  leave(work, row);
}

/** Returns a message to where it was; with crashes behind it, among the suspects. Its attempt is not counted. */
export function toOldPlace(work: Work, row: MessageRow, crashes: number): void {
  row.attempt -= 1;
  row.crashes = crashes;
  row.due = null;
  row.woken = false;
  work.move(row, crashes > 0 ? suspect : ready);
}

/** To the end of its lane. */
export function toReady(work: Work, row: MessageRow): void {
  row.seq = work.nextNumber();
  row.due = null;
  work.move(row, ready);
}

function sleep(work: Work, row: MessageRow, delayMs: number | undefined): void {
  const isWoken = row.woken;
  row.woken = false;
  if (isWoken || delayMs === 0) return toReady(work, row);
  row.due = delayMs === undefined ? null : work.nowMs + delayMs;
  work.move(row, delayed);
}

function addFailure(row: MessageRow, failure: string | undefined): void {
  if (failure !== undefined) row.failures = JSON.stringify(withFailure(readFailures(row.failures), failure));
}
