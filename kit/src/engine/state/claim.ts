import type { ClaimRequest, ClaimResult } from "../engine.ts";
import { crashesDefault } from "../limits.ts";
import type { Claim } from "../message.ts";
import { byLaneThenSeq, type Entry } from "./entry.ts";
import type { MemoryQueue } from "./memory-queue.ts";
import type { IndexedHeap } from "../../collections/mod.ts";

/** Hands out messages under a lease. `moved` says how many matured or were rescued on the way, so that others may be told. */
export function claimFrom(
  queue: MemoryQueue,
  request: ClaimRequest,
  nowMs: number,
): { readonly result: ClaimResult; readonly moved: number } {
  const matured = mature(queue, nowMs);
  const rescued = rescue(queue, request.crashesMax ?? crashesDefault, nowMs);
  const entries = queue.flow === "paused" ? [] : choose(queue, request);
  for (const entry of entries) queue.toRunning(entry, nowMs + request.leaseMs);
  const claims = entries.map((entry) => claimOf(queue.name, entry));
  return { result: { claims, nextDueAtMs: queue.nextDueAtMs() }, moved: matured + rescued };
}

function mature(queue: MemoryQueue, nowMs: number): number {
  let count = 0;
  for (let entry = queue.delayed.peek(); isDue(entry, nowMs); entry = queue.delayed.peek(), count++)
    queue.toReady(entry);
  return count;
}

/** Leases that are over: their holders died, or were too slow and will be refused. */
function rescue(queue: MemoryQueue, crashesMax: number, nowMs: number): number {
  let count = 0;
  for (let entry = queue.running.peek(); isDue(entry, nowMs); entry = queue.running.peek(), count++) {
    entry.attempt--;
    entry.crashes++;
    if (entry.crashes >= crashesMax) queue.toDead(entry, "crashed", nowMs);
    else queue.toOldPlace(entry);
  }
  return count;
}

function isDue(entry: Entry | undefined, nowMs: number): entry is Entry {
  return entry?.dueAtMs !== undefined && entry.dueAtMs <= nowMs;
}

/** Suspects first, so that they cannot starve, but handed out in the common order. */
function choose(queue: MemoryQueue, { count, suspects = count }: ClaimRequest): Entry[] {
  const chosen = takeUpTo(queue.suspect, Math.min(suspects, count));
  const ready = takeUpTo(queue.ready, count - chosen.length);
  return chosen.length === 0 ? ready : [...chosen, ...ready].toSorted(byLaneThenSeq);
}

function takeUpTo(heap: IndexedHeap<Entry>, count: number): Entry[] {
  const taken: Entry[] = [];
  for (let entry = heap.peek(); entry !== undefined && taken.length < count; entry = heap.peek()) {
    heap.pop();
    taken.push(entry);
  }
  return taken;
}

function claimOf(queue: string, entry: Entry): Claim {
  return {
    receipt: { queue, id: String(entry.id), token: entry.token },
    body: entry.body,
    headers: entry.headers,
    key: entry.key,
    lane: entry.lane,
    attempt: entry.attempt,
    crashes: entry.crashes,
    enqueuedAtMs: entry.enqueuedAtMs,
    leaseUntilMs: entry.dueAtMs ?? 0,
    failures: entry.failures,
  };
}
