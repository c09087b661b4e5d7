import { indexedHeap, type IndexedHeap } from "../../collections/mod.ts";
import { bySeq, type Entry } from "./entry.ts";

/** Order and concurrency of one key: how many of its messages are admitted, and which wait. */
export interface KeyGate {
  concurrency: number;
  admitted: number;
  readonly waiting: IndexedHeap<Entry>;
}

export function keyGate(): KeyGate {
  return { concurrency: 1, admitted: 0, waiting: indexedHeap(bySeq) };
}

/** Whether a message that arrives now may go in. Nobody can be waiting then: whoever makes room lets them in first. */
export function hasRoom(gate: KeyGate): boolean {
  return gate.admitted < gate.concurrency;
}

/** The message that goes in next, if there is room and one waits; it is taken out of the waiting line. */
export function nextAdmitted(gate: KeyGate): Entry | undefined {
  return gate.admitted < gate.concurrency ? gate.waiting.pop() : undefined;
}

/** Whether nothing of the key is left that the gate would have to remember. */
export function isIdle(gate: KeyGate): boolean {
  return gate.admitted === 0 && gate.waiting.size === 0;
}
