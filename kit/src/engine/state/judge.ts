import type { Check, Change, Append, Enqueue, Put, Seen } from "../change.ts";
import type { CommitResult, Refusal } from "../commit-result.ts";
import { cellIsAs, streamIsAs } from "../expectation.ts";
import type { Receipt } from "../message.ts";
import type { Entry } from "./entry.ts";
import type { MemoryState } from "./memory-state.ts";

type Refused = Extract<CommitResult, { readonly committed: false }>;

/**
 * Phase 1 of a commit: the first change, by index, that the state as left by earlier lists refuses. Reads only. No change of a list
 * can make another one of it pass or fail, except that the enqueues of one list add up against the depth of their queue.
 */
export function judge(state: MemoryState, changes: readonly Change[], nowMs: number): Refused | undefined {
  const planned = new Map<string, number>();
  for (let index = 0; index < changes.length; index++) {
    const change = changes[index];
    const refusal = change === undefined ? undefined : judgeChange(state, change, { nowMs, planned });
    if (refusal !== undefined) return { committed: false, index, refusal };
  }
  return undefined;
}

interface Judging {
  readonly nowMs: number;
  /** Messages that earlier changes of this list would add, by queue. */
  readonly planned: Map<string, number>;
}

function judgeChange(state: MemoryState, change: Change, judging: Judging): Refusal | undefined {
  switch (change.op) {
    case "enqueue":
      return judgeEnqueue(state, change, judging);
    case "settle":
    case "hold":
      return heldEntry(state, change.receipt) === undefined
        ? { kind: "lease-lost", receipt: change.receipt }
        : undefined;
    case "append":
      return judgeAppend(state, change);
    case "put":
    case "check":
      return judgeCell(state, change, judging.nowMs);
    case "seen":
      return judgeSeen(state, change, judging.nowMs);
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
export function heldEntry(state: MemoryState, receipt: Receipt): Entry | undefined {
  const entry = state.entry(receipt.queue, receipt.id);
  return entry?.state === "running" && entry.token === receipt.token ? entry : undefined;
}

function judgeEnqueue(state: MemoryState, change: Enqueue, { nowMs, planned }: Judging): Refusal | undefined {
  const plannedBefore = planned.get(change.queue) ?? 0;
  const added = countAdded(state, change, nowMs);
  planned.set(change.queue, plannedBefore + added);
  if (change.depthMax === undefined || added === 0) return undefined;
  const depth = (state.queues.get(change.queue)?.depth ?? 0) + plannedBefore;
  if (depth + added <= change.depthMax) return undefined;
  return { kind: "queue-full", queue: change.queue, depth, depthMax: change.depthMax };
}

/** How many of the messages are not remembered under their dedup key, nor repeat a key within the change. */
function countAdded(state: MemoryState, change: Enqueue, nowMs: number): number {
  const remembered = state.dedups.get(change.queue);
  const named = new Set<string>();
  let added = 0;
  for (const { dedup } of change.messages) {
    if (dedup !== undefined && (named.has(dedup.key) || remembered?.get(dedup.key, nowMs) !== undefined)) continue;
    if (dedup !== undefined) named.add(dedup.key);
    added++;
  }
  return added;
}

function judgeAppend(state: MemoryState, { log, stream, expected }: Append): Refusal | undefined {
  const actual = state.logs.get(log)?.version(stream) ?? 0;
  return streamIsAs(expected, actual) ? undefined : { kind: "version-conflict", log, stream, expected, actual };
}

function judgeCell(state: MemoryState, { cell, expect }: Put | Check, nowMs: number): Refusal | undefined {
  if (expect === "any") return undefined;
  const actual = state.spaces.get(cell.space)?.cells.get(cell.key, nowMs)?.version;
  return cellIsAs(expect, actual) ? undefined : { kind: "cell-conflict", cell, expected: expect, actual };
}

function judgeSeen(state: MemoryState, { consumer, id }: Seen, nowMs: number): Refusal | undefined {
  return state.inboxes.get(consumer)?.get(id, nowMs) === undefined ? undefined : { kind: "already-seen", consumer, id };
}
