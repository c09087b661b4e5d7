import type { Append, Change, Check, Enqueue, Put, Seen } from "../change.ts";
import type { CommitResult, Refusal } from "../commit-result.ts";
import { cellIsAs, streamIsAs } from "../expectation.ts";
import type { Receipt } from "../message.ts";
import { messageNumber } from "../validate-request.ts";
import { running } from "./schema.ts";
import { keyName, type MessageRow, pairName, type Work } from "./work.ts";

type Refused = Extract<CommitResult, { readonly committed: false }>;

/** Phase 1 of a commit: the first change, by index, that the state as left by earlier lists refuses. Reads only. */
export function judge(work: Work, changes: readonly Change[]): Refused | undefined {
  const planned = new Map<string, number>();
  for (const [index, change] of changes.entries()) {
    const refusal = judgeChange(work, change, planned);
    if (refusal !== undefined) return { committed: false, index, refusal };
  }
  return undefined;
}

/** `planned`: messages that earlier changes of this list would add, by queue. */
function judgeChange(work: Work, change: Change, planned: Map<string, number>): Refusal | undefined {
  switch (change.op) {
    case "enqueue":
      return judgeEnqueue(work, change, planned);
    case "settle":
    case "hold":
      return heldRow(work, change.receipt) === undefined ? { kind: "lease-lost", receipt: change.receipt } : undefined;
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

/** The running message of which this is the current receipt. A lease that is over counts until somebody rescues the message. */
export function heldRow(work: Work, { queue, id, token }: Receipt): MessageRow | undefined {
  const row = rowOf(work, queue, id);
  return row?.state === running && row.token === token ? row : undefined;
}

/** The message of that id, while it is there. */
export function rowOf(work: Work, queue: string, id: string): MessageRow | undefined {
  const row = work.messages.get(messageNumber(id) ?? 0);
  return row?.queue.name === queue && row.change !== "gone" ? row : undefined;
}

function judgeEnqueue(work: Work, change: Enqueue, planned: Map<string, number>): Refusal | undefined {
  const plannedBefore = planned.get(change.queue) ?? 0;
  const added = countAdded(work, change);
  planned.set(change.queue, plannedBefore + added);
  if (change.depthMax === undefined || added === 0) return undefined;
  const queue = work.queue(change.queue);
  const depth = queue.depth + plannedBefore;
  if (depth + added <= change.depthMax) return undefined;
  return { kind: "queue-full", queue: change.queue, depth, depthMax: change.depthMax };
}

/** How many of the messages are not remembered under their dedup key, nor repeat a key within the change. */
function countAdded(work: Work, { queue, messages }: Enqueue): number {
  const { id } = work.queue(queue);
  const named = new Set<string>();
  let added = 0;
  for (const { dedup } of messages) {
    if (dedup !== undefined) {
      if (named.has(dedup.key) || work.dedups.get(keyName(id, dedup.key))?.message !== undefined) continue;
      named.add(dedup.key);
    }
    added += 1;
  }
  return added;
}

function judgeAppend(work: Work, { log, stream, expected }: Append): Refusal | undefined {
  const actual = work.logs.get(log)?.versions.get(stream) ?? 0;
  return streamIsAs(expected, actual) ? undefined : { kind: "version-conflict", log, stream, expected, actual };
}

function judgeCell(work: Work, { cell, expect }: Put | Check): Refusal | undefined {
  const actual = work.cells.get(pairName(cell.space, cell.key))?.version;
  return cellIsAs(expect, actual) ? undefined : { kind: "cell-conflict", cell, expected: expect, actual };
}

function judgeSeen(work: Work, { consumer, id }: Seen): Refusal | undefined {
  return work.seen.get(pairName(consumer, id))?.isSeen === true ? { kind: "already-seen", consumer, id } : undefined;
}
