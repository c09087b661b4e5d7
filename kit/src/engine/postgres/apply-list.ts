import { invariant } from "../../errors/mod.ts";
import type { Append, Change, Flow, Put, Seen } from "../change.ts";
import type { CommitResult, Outcome } from "../commit-result.ts";
import type { Receipt } from "../message.ts";
import { applyEnqueue } from "./apply-enqueue.ts";
import { moveByIds } from "./apply-ids.ts";
import { applySettle } from "./apply-settle.ts";
import { heldRow, judge } from "./judge.ts";
import { pairName, type Work } from "./work.ts";

/** Judges a list against the state that the lists before it left, and applies it if all of it passes. A refused one leaves no trace. */
export function applyList(work: Work, changes: readonly Change[]): CommitResult {
  const refused = judge(work, changes);
  return refused ?? { committed: true, outcomes: changes.map((change) => applyChange(work, change)) };
}

/** Prolongs leases from now; `false` where the receipt is no longer the current one. */
export function extendLeases(work: Work, receipts: readonly Receipt[], leaseMs: number): readonly boolean[] {
  return receipts.map((receipt) => {
    const row = heldRow(work, receipt);
    if (row === undefined) return false;
    row.due = work.nowMs + leaseMs;
    work.touch(row);
    return true;
  });
}

function applyChange(work: Work, change: Change): Outcome {
  switch (change.op) {
    case "enqueue":
      return applyEnqueue(work, change);
    case "settle":
      return applySettle(work, change);
    case "append":
      return applyAppend(work, change);
    case "put":
      return applyPut(work, change);
    case "seen":
      return applySeen(work, change);
    case "wake":
    case "redrive":
    case "discard":
      return moveByIds(work, change);
    case "flow":
      return applyFlow(work, change);
    case "hold":
    case "check":
      return { op: change.op };
    default:
      throw new Error(`unknown change ${JSON.stringify(change satisfies never)}`);
  }
}

function applyAppend(work: Work, { log: name, stream, events }: Append): Outcome {
  const log = work.logs.get(name);
  invariant(log !== undefined, "a log that a list names is loaded");
  log.recordedAtMs = Math.max(log.recordedAtMs, work.nowMs);
  log.isChanged = true;
  let version = log.versions.get(stream) ?? 0;
  for (const event of events) {
    log.head += 1;
    version += 1;
    work.events.push({ log, position: log.head, stream, version, recordedAtMs: log.recordedAtMs, event });
  }
  log.versions.set(stream, version);
  work.topics.addLog(name);
  return { op: "append", version, position: log.head };
}

function applyPut(work: Work, { cell, value, expiresInMs }: Put): Outcome {
  const state = work.cells.get(pairName(cell.space, cell.key));
  invariant(state !== undefined, "a cell that a list names is loaded");
  const version = work.nextNumber();
  const expiresAtMs = expiresInMs === undefined ? null : work.nowMs + expiresInMs;
  state.version = value === undefined ? undefined : version;
  state.write = { value, expiresAtMs };
  work.topics.addSpace(cell.space);
  return { op: "put", version };
}

function applySeen(work: Work, { consumer, id, keepMs }: Seen): Outcome {
  const state = work.seen.get(pairName(consumer, id));
  invariant(state !== undefined, "an inbox entry that a list names is loaded");
  state.isSeen = true;
  state.expiresAtMs = work.nowMs + keepMs;
  return { op: "seen" };
}

function applyFlow(work: Work, { queue: name, to }: Flow): Outcome {
  const queue = work.queue(name);
  queue.isKnown = true;
  queue.isPaused = to === "paused";
  queue.isFlowChanged = true;
  queue.isChanged = true;
  if (to === "open") work.topics.addQueue(name);
  return { op: "flow" };
}
