import type { QueueHead } from "./heads.ts";
import { delayed, ready, waiting } from "./schema.ts";
import type { Work } from "./work.ts";

/** A message that knocks: its key, and when it may be claimed at the earliest. */
export interface Arrival {
  readonly key: string | undefined;
  readonly dueAtMs: number | undefined;
  /** New concurrency of the key; `undefined` leaves it. */
  readonly concurrency: number | undefined;
}

// The messages themselves say who is admitted and who waits. A row is kept only for a key that was ever given another concurrency
// than 1, until nothing of it is left: so a key without a row has at most one admitted message, and nobody has to count.

/** The state in which a new or redriven message starts: ready or delayed, or waiting while its key is busy. */
export function arrive(work: Work, queue: QueueHead, { key, dueAtMs, concurrency }: Arrival): number {
  const admittedState = dueAtMs !== undefined && dueAtMs > work.nowMs ? delayed : ready;
  if (key === undefined) return admittedState;
  if (queue.hasConcurrencies || (concurrency ?? 1) !== 1) work.messages.flush();
  else work.messages.flushKey(key);
  const limit = setConcurrency(work, queue, { key, concurrency });
  return hasRoom(work, queue, { key, limit }) ? admittedState : waiting;
}

/** An admitted message of the key has gone: lets in the oldest waiting one. True when somebody was let in. */
export function leaveGate(work: Work, queue: QueueHead, key: string | null): boolean {
  if (key === null) return false;
  if (!queue.hasConcurrencies && queue.counts[waiting] === 0) return false;
  work.messages.flush();
  const kept = queue.hasConcurrencies ? readConcurrency(work, queue, key) : undefined;
  if (kept === undefined) return letNextIn(work, queue, key);
  const isLetIn = letIn(work, queue, { key, limit: kept });
  if (!isLetIn && hasRoom(work, queue, { key, limit: 1 })) {
    work.sql.dropConcurrency.run(queue.id, key);
    queue.hasConcurrencies = work.sql.hasConcurrencies.get(queue.id) !== undefined;
  }
  return isLetIn;
}

interface Keyed {
  readonly key: string;
}

function setConcurrency(
  work: Work,
  queue: QueueHead,
  { key, concurrency }: Keyed & Pick<Arrival, "concurrency">,
): number {
  const kept = queue.hasConcurrencies ? readConcurrency(work, queue, key) : undefined;
  const before = kept ?? 1;
  if (concurrency === undefined || concurrency === before) return before;
  work.sql.saveConcurrency.run(queue.id, key, concurrency);
  queue.hasConcurrencies = true;
  if (concurrency > before) letIn(work, queue, { key, limit: concurrency });
  return concurrency;
}

function readConcurrency({ sql }: Work, queue: QueueHead, key: string): number | undefined {
  const row = sql.concurrency.get(queue.id, key) as { concurrency: number } | undefined;
  return row?.concurrency;
}

interface Limited extends Keyed {
  readonly limit: number;
}

function hasRoom({ sql }: Work, queue: QueueHead, { key, limit }: Limited): boolean {
  if (limit === 1) return sql.isAdmitted.get(queue.id, key) === undefined;
  const { admitted } = sql.countAdmitted.get(queue.id, key, limit) as { admitted: number };
  return admitted < limit;
}

function letIn(work: Work, queue: QueueHead, limited: Limited): boolean {
  let isLetIn = false;
  while (hasRoom(work, queue, limited) && letNextIn(work, queue, limited.key)) isLetIn = true;
  return isLetIn;
}

/** Those let in keep their order, and their delay if it still runs. */
function letNextIn(work: Work, queue: QueueHead, key: string): boolean {
  if (queue.counts[waiting] === 0) return false;
  const next = work.sql.nextWaiting.get(queue.id, key) as { id: number; due: number | null } | undefined;
  if (next === undefined) return false;
  const isDelayed = next.due !== null && next.due > work.nowMs;
  work.sql.start.run(isDelayed ? delayed : ready, isDelayed ? next.due : null, next.id);
  work.heads.count(queue, waiting, isDelayed ? delayed : ready);
  return true;
}
