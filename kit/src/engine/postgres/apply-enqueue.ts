import type { Enqueue } from "../change.ts";
import type { EnqueuedMessage, Outcome } from "../commit-result.ts";
import type { NewMessage } from "../message.ts";
import { arrive } from "./gate.ts";
import { ready, running } from "./schema.ts";
import { kept } from "./text.ts";
import { keyName, type MessageRow, type QueueState, type Work } from "./work.ts";

/** Adds the messages that are not remembered under their dedup key. */
export function applyEnqueue(work: Work, change: Enqueue): Outcome {
  const queue = work.queue(change.queue);
  queue.isChanged ||= !queue.isKnown;
  queue.isKnown = true;
  const messages: EnqueuedMessage[] = [];
  let claimable = 0;
  for (const message of change.messages) {
    const outcome = addOnce(work, queue, { message, concurrency: change.keyConcurrency ?? 1 });
    // One that its adder holds already is nothing to claim.
    if (outcome.status === "added" && outcome.receipt === undefined) claimable += 1;
    messages.push(outcome);
  }
  if (claimable > 0) work.topics.addQueue(change.queue);
  return { op: "enqueue", messages };
}

interface Adding {
  readonly message: NewMessage;
  readonly concurrency: number;
}

function addOnce(work: Work, queue: QueueState, { message, concurrency }: Adding): EnqueuedMessage {
  const dedup = message.dedup === undefined ? undefined : work.dedups.get(keyName(queue.id, message.dedup.key));
  if (dedup?.message !== undefined) return { id: String(dedup.message), status: "existing" };
  const row = newRow(work, queue, message);
  const id = String(row.id);
  work.messages.set(row.id, row);
  if (dedup !== undefined && message.dedup !== undefined) {
    dedup.message = row.id;
    dedup.expiresAtMs = work.nowMs + message.dedup.forMs;
  }
  queue.depth += 1;
  // It comes from outside: `move` takes it from the state it is given here.
  queue.moved[ready] = (queue.moved[ready] ?? 0) + 1;
  // A paused queue hands out nothing, not even to the one who adds.
  if (message.claimForMs === undefined || queue.isPaused) {
    arrive(work, row, concurrency);
    return { id, status: "added" };
  }
  row.token = 1;
  row.attempt = 1;
  row.due = work.nowMs + message.claimForMs;
  work.move(row, running);
  work.handedOut.push(row);
  return { id, status: "added", receipt: { queue: queue.name, id, token: 1 } };
}

function newRow(work: Work, queue: QueueState, message: NewMessage): MessageRow {
  const { body, headers, key, lane = 0, delayMs = 0, dueAtMs } = message;
  const id = work.nextNumber();
  return {
    id,
    queue,
    key,
    lane,
    state: ready,
    seq: id,
    due: dueAtMs ?? (delayMs === 0 ? null : work.nowMs + delayMs),
    token: 0,
    attempt: 0,
    crashes: 0,
    woken: false,
    admitted: false,
    failures: null,
    reason: null,
    diedAtMs: null,
    change: "new",
    content: { headers: headers === undefined ? null : JSON.stringify(headers), body: kept(body) },
  };
}
