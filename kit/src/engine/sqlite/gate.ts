import { invariant } from "../../errors/mod.ts";
import type { QueueHead } from "./heads.ts";
import { delayed, ready, waiting } from "./schema.ts";
import type { Work } from "./work.ts";

/** Order and concurrency of one key: how many of its messages are admitted (ready, suspect, delayed or running), how many wait. */
interface Gate {
  admitted: number;
  waiting: number;
  concurrency: number;
}

/** A message that knocks: its key, and when it may be claimed at the earliest. */
export interface Arrival {
  readonly key: string | undefined;
  readonly dueAtMs: number | undefined;
  /** New concurrency of the key; `undefined` leaves it. */
  readonly concurrency: number | undefined;
}

/** The state in which a new or redriven message starts: ready or delayed, or waiting while its key is busy. */
export function arrive(work: Work, queue: QueueHead, { key, dueAtMs, concurrency }: Arrival): number {
  const admittedState = dueAtMs !== undefined && dueAtMs > work.nowMs ? delayed : ready;
  if (key === undefined) return admittedState;
  const gate = readGate(work, queue, key) ?? { admitted: 0, waiting: 0, concurrency: 1 };
  if (concurrency !== undefined) gate.concurrency = concurrency;
  passOn(work, queue, { key, gate });
  const hasRoom = gate.admitted < gate.concurrency && gate.waiting === 0;
  if (hasRoom) gate.admitted++;
  else gate.waiting++;
  saveGate(work, queue, { key, gate });
  return hasRoom ? admittedState : waiting;
}

/** An admitted message has gone: lets in the oldest waiting ones of its key. */
export function leaveGate(work: Work, queue: QueueHead, key: string | null): void {
  if (key === null) return;
  const gate = readGate(work, queue, key);
  invariant(gate !== undefined && gate.admitted > 0, "an admitted message has a gate that counts it");
  gate.admitted--;
  passOn(work, queue, { key, gate });
  saveGate(work, queue, { key, gate });
}

/** A waiting message was discarded. */
export function leaveLine(work: Work, queue: QueueHead, key: string | null): void {
  if (key === null) return;
  const gate = readGate(work, queue, key);
  invariant(gate !== undefined && gate.waiting > 0, "a waiting message has a gate that counts it");
  gate.waiting--;
  saveGate(work, queue, { key, gate });
}

interface KeyedGate {
  readonly key: string;
  readonly gate: Gate;
}

/** Those let in keep their order, and their delay if it still runs. */
function passOn(work: Work, queue: QueueHead, { key, gate }: KeyedGate): void {
  while (gate.admitted < gate.concurrency && gate.waiting > 0) {
    const next = work.sql.nextWaiting.get(queue.id, key) as { id: number; due: number | null } | undefined;
    invariant(next !== undefined, "a gate counts the messages that wait for it");
    gate.admitted++;
    gate.waiting--;
    const isDelayed = next.due !== null && next.due > work.nowMs;
    work.sql.start.run(isDelayed ? delayed : ready, isDelayed ? next.due : null, next.id);
    work.heads.count(queue, waiting, isDelayed ? delayed : ready);
  }
}

function readGate({ sql }: Work, queue: QueueHead, key: string): Gate | undefined {
  return sql.gate.get(queue.id, key) as Gate | undefined;
}

function saveGate({ sql }: Work, queue: QueueHead, { key, gate }: KeyedGate): void {
  if (gate.admitted === 0 && gate.waiting === 0) sql.dropGate.run(queue.id, key);
  else sql.saveGate.run(queue.id, key, gate.admitted, gate.waiting, gate.concurrency);
}
