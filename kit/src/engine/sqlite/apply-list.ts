import type { Change, Flow } from "../change.ts";
import type { CommitResult, Outcome, Refusal } from "../commit-result.ts";
import { applyAppend, judgeAppend } from "./apply-append.ts";
import { applyPut, applySeen, judgeCell, judgeSeen } from "./apply-cell.ts";
import { applyEnqueue, judgeEnqueue } from "./apply-enqueue.ts";
import { moveByIds } from "./apply-ids.ts";
import { acknowledged, applySettle, heldMessage } from "./apply-settle.ts";
import type { Work } from "./work.ts";

/**
 * One caller's list inside the open transaction. Reads decide first; nothing is written unless every change may pass, so that a
 * refused list needs no savepoint. No change of a list can make another one pass or fail, except that its enqueues add up.
 */
export function applyList(work: Work, changes: readonly Change[]): CommitResult {
  const only = changes.length === 1 ? changes[0] : undefined;
  // The most frequent list of all: the statement itself is the check.
  if (only?.op === "settle" && only.as.kind === "ack" && acknowledged(work, only.receipt))
    return { committed: true, outcomes: [{ op: "settle" }] };
  const planned = new Map<string, number>();
  for (const [index, change] of changes.entries()) {
    const refusal = judgeChange(work, change, planned);
    if (refusal !== undefined) return { committed: false, index, refusal };
  }
  return { committed: true, outcomes: changes.map((change) => applyChange(work, change)) };
}

function judgeChange(work: Work, change: Change, planned: Map<string, number>): Refusal | undefined {
  switch (change.op) {
    case "enqueue":
      return judgeEnqueue(work, change, planned);
    case "settle":
    case "hold":
      return heldMessage(work, change.receipt) === undefined
        ? { kind: "lease-lost", receipt: change.receipt }
        : undefined;
    case "append":
      return judgeAppend(work, change);
    case "put":
    case "check":
      return judgeCell(work, change);
    case "seen":
      return judgeSeen(work, change);
    case "wake":
    case "redrive":
    case "discard":
    case "flow":
      return undefined;
    default:
      throw new Error(`unknown change ${JSON.stringify(change satisfies never)}`);
  }
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

function applyFlow({ heads, topics }: Work, { queue: name, to }: Flow): Outcome {
  const queue = heads.queue(name);
  queue.isPaused = to === "paused";
  heads.touch(queue);
  if (to === "open") topics.add(`queue:${name}`);
  return { op: "flow" };
}
