import type { Handle, IndexedHeap } from "../../collections/mod.ts";
import type { MessageState } from "../message.ts";

/** A stored message and its place in the one index of its state. Changed in place by the owner of the queue only. */
export interface Entry {
  readonly id: number;
  readonly body: string;
  readonly headers: Readonly<Record<string, string>> | undefined;
  readonly key: string | undefined;
  readonly lane: number;
  readonly enqueuedAtMs: number;
  state: MessageState;
  /** Order inside the lane; a new one whenever the message goes to the end. */
  seq: number;
  attempt: number;
  crashes: number;
  token: number;
  /** When a delayed message matures, a lease ends, or a waiting one may be claimed at the earliest. */
  dueAtMs: number | undefined;
  /** A wake came while the message was running: its next park or retry ends at once. */
  isWoken: boolean;
  failures: readonly string[];
  reason: string | undefined;
  diedAtMs: number | undefined;
  place: Place | undefined;
}

/** Where an entry sits in an index, so that it can leave from the middle. */
export interface Place {
  readonly heap: IndexedHeap<Entry>;
  readonly handle: Handle<Entry>;
}

/** Claim order. */
export function byLaneThenSeq(left: Entry, right: Entry): number {
  return left.lane - right.lane || left.seq - right.seq;
}

export function bySeq(left: Entry, right: Entry): number {
  return left.seq - right.seq;
}

export function byDueThenId(left: Entry, right: Entry): number {
  return (left.dueAtMs ?? Infinity) - (right.dueAtMs ?? Infinity) || left.id - right.id;
}
