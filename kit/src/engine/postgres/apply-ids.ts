import type { Discard, Redrive, Wake } from "../change.ts";
import type { Outcome } from "../commit-result.ts";
import { toReady } from "./apply-settle.ts";
import { arrive, leave, stopWaiting } from "./gate.ts";
import { rowOf } from "./judge.ts";
import { dead, delayed, running, waiting } from "./schema.ts";
import type { MessageRow, Work } from "./work.ts";

/** Carries out a change that names messages; ids that are unknown, repeated or in another state count nothing. */
export function moveByIds(work: Work, change: Wake | Redrive | Discard): Outcome {
  let count = 0;
  for (const id of new Set(change.ids)) {
    const row = rowOf(work, change.queue, id);
    if (row !== undefined && move(work, change, row)) count += 1;
  }
  if (count > 0) work.topics.addQueue(change.queue);
  return { op: change.op, count };
}

function move(work: Work, change: Wake | Redrive | Discard, row: MessageRow): boolean {
  row.isAmended = true;
  switch (change.op) {
    case "wake":
      return wake(work, row);
    case "redrive":
      return redrive(work, row, change.keyConcurrency);
    case "discard":
      return discard(work, row, change.state);
    default:
      throw new Error(`unknown move ${JSON.stringify(change satisfies never)}`);
  }
}

function wake(work: Work, row: MessageRow): boolean {
  if (row.state === delayed) {
    toReady(work, row);
    return true;
  }
  if (row.state !== running) return false;
  row.woken = true;
  work.touch(row);
  return true;
}

function redrive(work: Work, row: MessageRow, concurrency: number | undefined): boolean {
  if (row.state !== dead) return false;
  row.attempt = 0;
  row.crashes = 0;
  row.reason = null;
  row.diedAtMs = null;
  row.due = null;
  row.seq = work.nextNumber();
  arrive(work, row, concurrency);
  return true;
}

function discard(work: Work, row: MessageRow, only: "dead" | undefined): boolean {
  const { state } = row;
  if (state === running || (only === "dead" && state !== dead)) return false;
  work.move(row, undefined);
  if (state === dead) return true;
  if (state === waiting) stopWaiting(work, row);
  else leave(work, row);
  return true;
}
