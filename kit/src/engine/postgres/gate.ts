import { invariant } from "../../errors/mod.ts";
import { delayed, ready, waiting } from "./schema.ts";
import { keyName, type KeyState, type MessageRow, type Work } from "./work.ts";

/** Lets a new or redriven message in: ready or delayed, or waiting while its key is busy. `concurrency`: a new one of its key. */
export function arrive(work: Work, row: MessageRow, concurrency: number | undefined): void {
  const key = keyOf(work, row);
  if (key === undefined) return start(work, row);
  if (concurrency !== undefined) setConcurrency(work, key, concurrency);
  if (key.admitted < key.concurrency) return admit(work, key, row);
  if (key.holdsAll) key.waiting.push(row);
  work.move(row, waiting);
}

/** An admitted message of the key has gone: lets in the oldest that wait. */
export function leave(work: Work, row: MessageRow): void {
  const key = keyOf(work, row);
  if (key === undefined) return;
  row.admitted = false;
  key.admitted -= 1;
  letIn(work, key);
  if (key.admitted > 0) return;
  // Nothing of the key is left.
  key.concurrency = 1;
  key.isChanged ||= key.isKept;
}

/** One that waited has gone. */
export function stopWaiting(work: Work, row: MessageRow): void {
  const key = keyOf(work, row);
  const place = key?.waiting.indexOf(row) ?? -1;
  if (place >= 0) key?.waiting.splice(place, 1);
}

function keyOf(work: Work, row: MessageRow): KeyState | undefined {
  if (row.key === undefined) return undefined;
  const key = work.keys.get(keyName(row.queue.id, row.key));
  invariant(key !== undefined, "the key of a message that comes or goes is locked and loaded");
  return key;
}

function setConcurrency(work: Work, key: KeyState, concurrency: number): void {
  if (concurrency === key.concurrency) return;
  key.concurrency = concurrency;
  key.isChanged = true;
  letIn(work, key);
}

function letIn(work: Work, key: KeyState): void {
  while (key.admitted < key.concurrency) {
    const next = key.waiting.shift();
    if (next === undefined) return;
    admit(work, key, next);
  }
}

/** Those let in keep their order, and their delay if it still runs. */
function admit(work: Work, key: KeyState, row: MessageRow): void {
  key.admitted += 1;
  row.admitted = true;
  start(work, row);
}

function start(work: Work, row: MessageRow): void {
  const isDelayed = row.due !== null && row.due > work.nowMs;
  if (!isDelayed) row.due = null;
  work.move(row, isDelayed ? delayed : ready);
}
