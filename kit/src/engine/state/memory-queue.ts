import { indexedHeap, type IndexedHeap, turnoverMap, type TurnoverMap } from "../../collections/mod.ts";
import { invariant } from "../../errors/mod.ts";
import type { MessageState, QueueStatus } from "../message.ts";
import { byDueThenId, byLaneThenSeq, type Entry } from "./entry.ts";
import { withFailure } from "../failure-list.ts";
import { hasRoom, isIdle, keyGate, type KeyGate, nextAdmitted } from "./key-gate.ts";
import { type Load, weightOf } from "./load.ts";

/**
 * The messages of one queue. Every message is in the index of its state (ready, suspect: by lane and order; delayed, running: by
 * due time; waiting: in the line of its key), so that every move costs O(log n) and every count O(1).
 */
export class MemoryQueue {
  readonly name: string;
  readonly entries: TurnoverMap<number, Entry> = turnoverMap();
  readonly gates: Map<string, KeyGate> = new Map();
  readonly counts: Record<MessageState, number> = { ready: 0, suspect: 0, running: 0, delayed: 0, waiting: 0, dead: 0 };
  readonly ready: IndexedHeap<Entry> = indexedHeap(byLaneThenSeq);
  readonly suspect: IndexedHeap<Entry> = indexedHeap(byLaneThenSeq);
  readonly delayed: IndexedHeap<Entry> = indexedHeap(byDueThenId);
  readonly running: IndexedHeap<Entry> = indexedHeap(byDueThenId);
  flow: "open" | "paused" = "open";
  readonly #load: Load;
  #seq = 0;

  constructor(name: string, load: Load) {
    this.name = name;
    this.#load = load;
  }

  get depth(): number {
    return this.entries.size - this.counts.dead;
  }

  get lastSeq(): number {
    return this.#seq;
  }

  nextSeq(): number {
    return ++this.#seq;
  }

  /** Takes a new or redriven message in: ready, delayed, or waiting for its key. Its order must be set. */
  arrive(entry: Entry, nowMs: number): void {
    this.#hold(entry);
    if (entry.key === undefined) return this.#start(entry, nowMs);
    const gate = this.#gate(entry.key);
    if (!hasRoom(gate)) return this.#place(entry, "waiting", gate.waiting);
    gate.admitted++;
    this.#start(entry, nowMs);
  }

  /** Sets how many messages of the key may be admitted at once, and lets in those that now have room. */
  setConcurrency(key: string, concurrency: number, nowMs: number): void {
    const gate = this.#gate(key);
    gate.concurrency = concurrency;
    this.#passOn(key, gate, nowMs);
  }

  /** Moves an admitted message to the end of its lane. */
  toReady(entry: Entry): void {
    this.#lift(entry);
    entry.seq = this.nextSeq();
    entry.dueAtMs = undefined;
    this.#place(entry, "ready", this.ready);
  }

  /** Moves an admitted message back to its old place. */
  toOldPlace(entry: Entry): void {
    this.#lift(entry);
    entry.dueAtMs = undefined;
    if (entry.crashes > 0) this.#place(entry, "suspect", this.suspect);
    else this.#place(entry, "ready", this.ready);
  }

  /** `undefined`: until somebody wakes it. */
  toDelayed(entry: Entry, dueAtMs: number | undefined): void {
    this.#lift(entry);
    entry.dueAtMs = dueAtMs;
    this.#place(entry, "delayed", dueAtMs === undefined ? undefined : this.delayed);
  }

  toRunning(entry: Entry, leaseUntilMs: number): void {
    this.#lift(entry);
    entry.dueAtMs = leaseUntilMs;
    // Who holds it now has started after every wake there was.
    entry.isWoken = false;
    entry.token++;
    entry.attempt++;
    this.#place(entry, "running", this.running);
  }

  toDead(entry: Entry, reason: string, nowMs: number): void {
    this.#lift(entry);
    entry.dueAtMs = undefined;
    entry.reason = reason;
    entry.diedAtMs = nowMs;
    this.#place(entry, "dead", undefined);
    this.#leaveGate(entry, nowMs);
  }

  setLease(entry: Entry, leaseUntilMs: number): void {
    entry.dueAtMs = leaseUntilMs;
    if (entry.place !== undefined) entry.place.heap.update(entry.place.handle);
  }

  /** Keeps the text of a failure with its message. */
  remember(entry: Entry, failure: string | undefined): void {
    if (failure === undefined) return;
    const before = weightOf(entry);
    entry.failures = withFailure(entry.failures, failure);
    this.#load.bytes += weightOf(entry) - before;
  }

  /** Takes a message out for good. */
  remove(entry: Entry, nowMs: number): void {
    const state = entry.state;
    this.#lift(entry);
    this.entries.delete(entry.id);
    this.#load.bytes -= weightOf(entry);
    if (state === "dead") return;
    if (state === "waiting") this.#forgetIdleGate(entry.key);
    else this.#leaveGate(entry, nowMs);
  }

  redrive(entry: Entry, nowMs: number): void {
    this.#lift(entry);
    entry.attempt = 0;
    entry.crashes = 0;
    entry.reason = undefined;
    entry.diedAtMs = undefined;
    entry.seq = this.nextSeq();
    this.arrive(entry, nowMs);
  }

  /** When to look again: the next delayed message matures, or the next lease ends. */
  nextDueAtMs(): number | undefined {
    const delayed = this.delayed.peek()?.dueAtMs;
    const leased = this.running.peek()?.dueAtMs;
    if (delayed === undefined || leased === undefined) return delayed ?? leased;
    return Math.min(delayed, leased);
  }

  status(): QueueStatus {
    const next = this.suspect.peek() ?? this.ready.peek();
    return { queue: this.name, ...this.counts, flow: this.flow, oldestReadyAtMs: next?.enqueuedAtMs };
  }

  /** Puts a message back into the place that it was written down with. Those of one key that wait, and the key's concurrency, come with `restoreKey`. */
  restore(entry: Entry): void {
    this.#hold(entry);
    if (entry.key !== undefined && entry.state !== "waiting" && entry.state !== "dead")
      this.#gate(entry.key).admitted++;
    this.#place(entry, entry.state, this.#indexOf(entry));
  }

  restoreKey(key: string, concurrency: number): void {
    this.#gate(key).concurrency = concurrency;
  }

  restoreSeq(seq: number): void {
    this.#seq = seq;
  }

  #indexOf({ state, key, dueAtMs }: Entry): IndexedHeap<Entry> | undefined {
    switch (state) {
      case "waiting":
        return key === undefined ? undefined : this.#gate(key).waiting;
      case "delayed":
        return dueAtMs === undefined ? undefined : this.delayed;
      case "dead":
        return undefined;
      default:
        return this[state];
    }
  }

  #hold(entry: Entry): void {
    if (!this.entries.has(entry.id)) this.#load.bytes += weightOf(entry);
    this.entries.set(entry.id, entry);
  }

  #start(entry: Entry, nowMs: number): void {
    if (entry.dueAtMs !== undefined && entry.dueAtMs > nowMs) return this.#place(entry, "delayed", this.delayed);
    entry.dueAtMs = undefined;
    this.#place(entry, "ready", this.ready);
  }

  #leaveGate(entry: Entry, nowMs: number): void {
    if (entry.key === undefined) return;
    const gate = this.gates.get(entry.key);
    invariant(gate !== undefined && gate.admitted > 0, "an admitted message has a gate that counts it");
    gate.admitted--;
    this.#passOn(entry.key, gate, nowMs);
    this.#forgetIdleGate(entry.key);
  }

  /** Lets in the oldest waiting messages of the key while there is room; they keep their order, and their delay if it still runs. */
  #passOn(key: string, gate: KeyGate, nowMs: number): void {
    for (let next = nextAdmitted(gate); next !== undefined; next = nextAdmitted(gate)) {
      invariant(next.key === key, "a line holds messages of its own key");
      this.counts.waiting--;
      next.place = undefined;
      gate.admitted++;
      this.#start(next, nowMs);
    }
  }

  #gate(key: string): KeyGate {
    let gate = this.gates.get(key);
    if (gate === undefined) this.gates.set(key, (gate = keyGate()));
    return gate;
  }

  #forgetIdleGate(key: string | undefined): void {
    if (key === undefined) return;
    const gate = this.gates.get(key);
    if (gate !== undefined && isIdle(gate)) this.gates.delete(key);
  }

  #place(entry: Entry, state: MessageState, heap: IndexedHeap<Entry> | undefined): void {
    entry.state = state;
    entry.place = heap === undefined ? undefined : { heap, handle: heap.push(entry) };
    this.counts[state]++;
  }

  #lift(entry: Entry): void {
    this.counts[entry.state]--;
    entry.place?.heap.remove(entry.place.handle);
    entry.place = undefined;
  }
}
