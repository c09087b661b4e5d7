import type { Change, Flow } from "../change.ts";
import type { CommitResult, Outcome, Refusal } from "../commit-result.ts";
import { applyAppend, judgeAppend } from "./apply-append.ts";
import { applyPut, applySeen, judgeCell, judgeSeen } from "./apply-cell.ts";
import { applyEnqueue, judgeEnqueue } from "./apply-enqueue.ts";
import { moveByIds } from "./apply-ids.ts";
import { acknowledged, applySettle, isHeld } from "./apply-settle.ts";
import type { Work } from "./work.ts";

/**
 * One caller's list inside the open transaction. Reads decide first; nothing is written unless every change may pass, so that a
 * refused list needs no savepoint. No change of a list can make another one pass or fail, except that its enqueues add up.
 */
export function applyList(work: Work, changes: readonly Change[]): CommitResult {
  const [first] = changes;
  if (changes.length === 1 && first !== undefined) return applySingle(work, first);
  const planned = addsUp(changes) ? new Map<string, number>() : undefined;
  let index = 0;
  for (const change of changes) {
    const refusal = judgeChange(work, change, planned);
    if (refusal !== undefined) return { committed: false, index, refusal };
    index++;
  }
  return { committed: true, outcomes: changes.map((change) => applyChange(work, change)) };
}

/** Whether more than one change adds messages. */
function addsUp(changes: readonly Change[]): boolean {
  let count = 0;
  for (const { op } of changes) if (op === "enqueue") count++;
  return count > 1;
}

/** Nearly every list is of one change. */
function applySingle(work: Work, change: Change): CommitResult {
  // The most frequent one of all: the statement itself is the check.
  if (change.op === "settle" && change.as.kind === "ack") {
    if (acknowledged(work, change.receipt)) return acknowledgedAlone;
    return { committed: false, index: 0, refusal: { kind: "lease-lost", receipt: change.receipt } };
  }
  const refusal = judgeChange(work, change, undefined);
  if (refusal !== undefined) return { committed: false, index: 0, refusal };
  return { committed: true, outcomes: [applyChange(work, change)] };
}

const acknowledgedAlone: CommitResult = Object.freeze({
  committed: true,
  outcomes: Object.freeze([Object.freeze({ op: "settle" })]),
});

function judgeChange(work: Work, change: Change, planned: Map<string, number> | undefined): Refusal | undefined {
  switch (change.op) {
    case "enqueue":
      return judgeEnqueue(work, change, planned);
    case "settle":
    case "hold":
      return isHeld(work, change.receipt) ? undefined : { kind: "lease-lost", receipt: change.receipt };
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
  if (to === "open") topics.addQueue(name);
  return { op: "flow" };
}
