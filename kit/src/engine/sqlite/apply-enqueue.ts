import type { Enqueue } from "../change.ts";
import type { EnqueuedMessage, Outcome, Refusal } from "../commit-result.ts";
import type { NewMessage } from "../message.ts";
import { arrive } from "./gate.ts";
import type { QueueHead } from "./heads.ts";
import { dead, ready, running, waiting } from "./schema.ts";
import type { Work } from "./work.ts";

/** Refuses an enqueue that would make its queue deeper than allowed. `planned`: what earlier changes of the list would add, by queue; `undefined` for a list of one. */
export function judgeEnqueue(
  work: Work,
  change: Enqueue,
  planned: Map<string, number> | undefined,
): Refusal | undefined {
  if (change.depthMax === undefined && planned === undefined) return undefined;
  const plannedBefore = planned?.get(change.queue) ?? 0;
  const queue = work.heads.findQueue(change.queue);
  const added = countAdded(work, change, queue);
  planned?.set(change.queue, plannedBefore + added);
  if (change.depthMax === undefined || added === 0) return undefined;
  const depth = (queue === undefined ? 0 : depthOf(queue)) + plannedBefore;
  if (depth + added <= change.depthMax) return undefined;
  return { kind: "queue-full", queue: change.queue, depth, depthMax: change.depthMax };
}

function depthOf({ counts }: QueueHead): number {
  let depth = 0;
  for (let state = ready; state < dead; state++) depth += counts[state] ?? 0;
  return depth;
}

/** How many of the messages are not remembered under their dedup key, nor repeat a key within the change. */
function countAdded(work: Work, change: Enqueue, queue: QueueHead | undefined): number {
  if (change.messages.every((message) => message.dedup === undefined)) return change.messages.length;
  const named = new Set<string>();
  let added = 0;
  for (const { dedup } of change.messages) {
    if (dedup !== undefined && (named.has(dedup.key) || remembered(work, queue, dedup.key) !== undefined)) continue;
    if (dedup !== undefined) named.add(dedup.key);
    added++;
  }
  return added;
}

function remembered({ sql, dedups, nowMs }: Work, queue: QueueHead | undefined, key: string): number | undefined {
  if (queue === undefined) return undefined;
  if (dedups.holds(key)) dedups.flush();
  const row = sql.dedup.get(queue.id, key, nowMs) as { message: number } | undefined;
  return row?.message;
}

/** Adds the messages that are not remembered under their dedup key. */
export function applyEnqueue(work: Work, change: Enqueue): Outcome {
  const queue = work.heads.queue(change.queue);
  const messages: EnqueuedMessage[] = [];
  let claimable = 0;
  for (const message of change.messages) {
    const outcome = addOnce(work, queue, { message, keyConcurrency: change.keyConcurrency ?? 1 });
    // One that its adder holds already is nothing to claim.
    if (outcome.status === "added" && outcome.receipt === undefined) claimable++;
    messages.push(outcome);
  }
  if (claimable > 0) work.topics.addQueue(change.queue);
  return { op: "enqueue", messages };
}

interface Adding {
  readonly message: NewMessage;
  readonly keyConcurrency: number;
}

function addOnce(work: Work, queue: QueueHead, adding: Adding): EnqueuedMessage {
  const { dedup } = adding.message;
  if (dedup !== undefined) {
    const known = remembered(work, queue, dedup.key);
    if (known !== undefined) return { id: String(known), status: "existing" };
  }
  const id = work.heads.nextId();
  if (dedup !== undefined) work.dedups.addNamed(dedup.key, queue.id, dedup.key, id, work.nowMs + dedup.forMs);
  return isPlain(adding.message) ? addPlain(work, queue, { id, ...adding }) : addFull(work, queue, { id, ...adding });
}

function isPlain(message: NewMessage): boolean {
  const { key, headers, delayMs, dueAtMs, claimForMs } = message;
  return (
    key === undefined &&
    headers === undefined &&
    delayMs === undefined &&
    dueAtMs === undefined &&
    claimForMs === undefined
  );
}

interface AddingId extends Adding {
  readonly id: number;
}

function addPlain(work: Work, queue: QueueHead, { id, message }: AddingId): EnqueuedMessage {
  work.messages.addPlain(id, queue.id, message.lane ?? 0, work.heads.nextSeq(), work.nowMs, message.body);
  work.heads.count(queue, undefined, ready);
  return { id: String(id), status: "added" };
}

function addFull(work: Work, queue: QueueHead, { id, message, keyConcurrency }: AddingId): EnqueuedMessage {
  const { body, headers, key, lane = 0, delayMs, claimForMs } = message;
  const { nowMs } = work;
  const dueAtMs = message.dueAtMs ?? (delayMs === undefined ? undefined : nowMs + delayMs);
  const seq = work.heads.nextSeq();
  // A paused queue hands out nothing, not even to the one who adds.
  const isClaimed = claimForMs !== undefined && !queue.isPaused;
  const state = isClaimed ? running : arrive(work, queue, { key, dueAtMs, concurrency: keyConcurrency });
  const due = isClaimed ? nowMs + claimForMs : state === ready ? null : futureOf(dueAtMs, nowMs);
  work.messages.addFull(
    key,
    id,
    queue.id,
    state,
    lane,
    seq,
    due,
    isClaimed ? 1 : 0,
    isClaimed ? 1 : 0,
    isClaimed ? work.instance : null,
    key !== undefined && state !== waiting ? 1 : 0,
    nowMs,
    key ?? null,
    headers === undefined ? null : JSON.stringify(headers),
    body,
  );
  work.heads.count(queue, undefined, state);
  const added = { id: String(id), status: "added" } as const;
  if (!isClaimed) return added;
  work.held.remember(id, { queue: queue.id, token: 1, key: null });
  return { ...added, receipt: { queue: queue.name, id: added.id, token: 1 } };
}

function futureOf(dueAtMs: number | undefined, nowMs: number): number | null {
  return dueAtMs !== undefined && dueAtMs > nowMs ? dueAtMs : null;
}
