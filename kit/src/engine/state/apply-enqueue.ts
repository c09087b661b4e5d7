import type { Enqueue } from "../change.ts";
import type { EnqueuedMessage, Outcome } from "../commit-result.ts";
import type { NewMessage } from "../message.ts";
import type { Applying } from "./apply-ids.ts";
import type { Entry } from "./entry.ts";
import type { MemoryQueue } from "./memory-queue.ts";

/** Adds the messages that are not remembered under their dedup key. */
export function applyEnqueue(change: Enqueue, applying: Applying): Outcome {
  const adding = { ...applying, queue: applying.state.queue(change.queue), keyConcurrency: change.keyConcurrency ?? 1 };
  const messages = change.messages.map((message) => addOnce(message, adding));
  // One that its adder holds already is nothing to claim.
  if (messages.some((message) => message.status === "added" && message.receipt === undefined))
    applying.topics.add(`queue:${change.queue}`);
  return { op: "enqueue", messages };
}

interface Adding extends Applying {
  readonly queue: MemoryQueue;
  readonly keyConcurrency: number;
}

function addOnce(message: NewMessage, adding: Adding): EnqueuedMessage {
  const { state, nowMs, queue } = adding;
  const { dedup } = message;
  const known = dedup === undefined ? undefined : state.dedups.get(queue.name)?.get(dedup.key, nowMs);
  if (known !== undefined) return { id: known, status: "existing" };
  const entry = newEntry(message, adding);
  const id = String(entry.id);
  if (dedup !== undefined) state.dedup(queue.name).set(dedup.key, id, nowMs + dedup.forMs);
  if (entry.key !== undefined) queue.setConcurrency(entry.key, adding.keyConcurrency, nowMs);
  queue.arrive(entry, nowMs);
  // A paused queue hands out nothing, not even to the one who adds.
  if (message.claimForMs === undefined || queue.flow === "paused") return { id, status: "added" };
  queue.toRunning(entry, nowMs + message.claimForMs);
  return { id, status: "added", receipt: { queue: queue.name, id, token: entry.token } };
}

function newEntry(message: NewMessage, { state, queue, nowMs }: Adding): Entry {
  const { body, headers, key, lane = 0, delayMs = 0, dueAtMs } = message;
  return {
    id: state.nextId(),
    body,
    headers: headers === undefined ? undefined : Object.freeze({ ...headers }),
    key,
    lane,
    enqueuedAtMs: nowMs,
    state: "ready",
    seq: queue.nextSeq(),
    attempt: 0,
    crashes: 0,
    token: 0,
    // A delay of 0 is no due time: were the clock to step back, the message would not be held for it.
    dueAtMs: dueAtMs ?? (delayMs === 0 ? undefined : nowMs + delayMs),
    isWoken: false,
    failures: [],
    reason: undefined,
    diedAtMs: undefined,
    place: undefined,
  };
}
