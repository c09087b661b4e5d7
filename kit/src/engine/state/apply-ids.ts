import type { Discard, Redrive, Wake } from "../change.ts";
import type { Outcome } from "../commit-result.ts";
import type { BellTopic } from "../engine.ts";
import type { Entry } from "./entry.ts";
import type { MemoryQueue } from "./memory-queue.ts";
import type { MemoryState } from "./memory-state.ts";

/** What carrying out a change needs: the state, the time of its group, and the topics to ring after it. */
export interface Applying {
  readonly state: MemoryState;
  readonly nowMs: number;
  readonly topics: Set<BellTopic>;
}

interface Place {
  readonly queue: MemoryQueue;
  readonly nowMs: number;
}

/** Carries out a change that names messages; ids that are unknown, repeated or in another state count nothing. */
export function moveByIds(change: Wake | Redrive | Discard, { state, nowMs, topics }: Applying): Outcome {
  const queue = state.queues.get(change.queue);
  let count = 0;
  for (const id of new Set(change.ids)) {
    const entry = queue === undefined ? undefined : state.entry(change.queue, id);
    if (queue !== undefined && entry !== undefined && move(change, entry, { queue, nowMs })) count++;
  }
  if (count > 0) topics.add(`queue:${change.queue}`);
  return { op: change.op, count };
}

function move(change: Wake | Redrive | Discard, entry: Entry, { queue, nowMs }: Place): boolean {
  switch (change.op) {
    case "wake":
      return wake(queue, entry);
    case "redrive":
      if (entry.state !== "dead") return false;
      if (entry.key !== undefined && change.keyConcurrency !== undefined)
        queue.setConcurrency(entry.key, change.keyConcurrency, nowMs);
      queue.redrive(entry, nowMs);
      return true;
    case "discard":
      if (entry.state === "running" || (change.state === "dead" && entry.state !== "dead")) return false;
      queue.remove(entry, nowMs);
      return true;
    default:
      throw new Error(`unknown move ${JSON.stringify(change satisfies never)}`);
  }
}

function wake(queue: MemoryQueue, entry: Entry): boolean {
  if (entry.state === "running") entry.isWoken = true;
  else if (entry.state === "delayed") queue.toReady(entry);
  else return false;
  return true;
}
