// Room for so much at once (a weight of 1 for each call, or bytes), and a bounded queue by priority in front of it.
//
// What holds: a slot that comes free is handed to the first who waits in the same turn, so that nobody who comes later passes by and nobody who
// waits is turned away because of it; who gives up leaves the queue at once (a linked list, O(1)); within a priority first come is first served.
import { Deadlines, type Expiring } from "../abort/mod.ts";
import type { Clock } from "../clock/mod.ts";
import { invariant } from "../errors/mod.ts";

/** What slots go by; one number for each priority, highest first. */
export interface SlotsRules {
  readonly clock: Clock;
  /** Who may wait at most. */
  readonly queueMax: readonly number[];
  /** The part of the limit that each priority may fill. */
  readonly shares: readonly number[];
}

/** One who waits. */
interface WaitingFor {
  readonly rank: number;
  readonly weight: number;
  readonly signal: AbortSignal | undefined;
  readonly untilMs: number;
}

/** See the head of the file. */
export class Slots {
  readonly #rules: SlotsRules;
  readonly #lanes: readonly Lane[];
  readonly #deadlines: Deadlines;
  #limit: number;
  #inUse = 0;
  #waiting = 0;

  constructor(limit: number, rules: SlotsRules) {
    this.#limit = limit;
    this.#rules = rules;
    this.#lanes = rules.shares.map(() => new Lane());
    this.#deadlines = new Deadlines(rules.clock);
  }

  get inUse(): number {
    return this.#inUse;
  }

  get waiting(): number {
    return this.#waiting;
  }

  get limit(): number {
    return this.#limit;
  }

  /** A higher limit lets those in who wait; a lower one lets those finish who are in. */
  set limit(limit: number) {
    this.#limit = limit;
    if (this.#waiting > 0) this.#handOn();
  }

  /** `taken`, or why not: all are `busy`, or this priority has filled its share although there is room (`reserved`). */
  take(rank: number, weight = 1): "taken" | "busy" | "reserved" {
    if (this.#inUse + weight > this.#limit) return "busy";
    if (this.#inUse + weight > this.#capOf(rank)) return "reserved";
    if (this.#waiting > 0 && this.#isSomebodyBefore(rank)) return "busy";
    this.#inUse += weight;
    return "taken";
  }

  /** Whether one more of this priority may wait. */
  mayWait(rank: number): boolean {
    return (this.#lanes[rank]?.size ?? 0) < (this.#rules.queueMax[rank] ?? 0);
  }

  /** Resolves when the slot is taken (`taken`) or the time is over (`late`); rejects with the signal's reason. Ask `mayWait` first. */
  wait(asked: WaitingFor): Promise<"taken" | "late"> {
    if (asked.signal?.aborted === true) return Promise.reject(asked.signal.reason as Error);
    return new Promise((resolve, reject) => {
      const waiter = new Waiter(this, asked, { resolve, reject });
      this.#lane(asked.rank).add(waiter);
      this.#waiting++;
      asked.signal?.addEventListener("abort", waiter);
      if (asked.untilMs !== Infinity) this.#deadlines.add(waiter);
    });
  }

  /** Gives a taken slot back. */
  give(weight = 1): void {
    this.#inUse -= weight;
    invariant(this.#inUse >= 0, "no more slots are given back than were taken");
    if (this.#waiting > 0) this.#handOn();
  }

  /** Turns away all who wait. */
  turnAway(): void {
    for (const lane of this.#lanes) while (lane.first !== undefined) lane.first.expire();
    this.#deadlines[Symbol.dispose]();
  }

  /** For waiters: out of the queue, no listener or deadline left. */
  leave(waiter: Waiter): void {
    this.#lane(waiter.asked.rank).remove(waiter);
    this.#waiting--;
    waiter.asked.signal?.removeEventListener("abort", waiter);
    if (waiter.asked.untilMs !== Infinity) this.#deadlines.remove(waiter);
  }

  #handOn(): void {
    for (let rank = 0; rank < this.#lanes.length; rank++) {
      const lane = this.#lane(rank);
      while (lane.first !== undefined) {
        // Who is first and does not fit yet holds up all behind it: else much would wait for ever behind a stream of little.
        const after = this.#inUse + lane.first.asked.weight;
        if (after > this.#limit || after > this.#capOf(rank)) return;
        this.#inUse = after;
        lane.first.admit();
      }
    }
  }

  /** Rounded up: a small limit keeps nothing back, so that nobody waits for ever. Products of tenths miss whole numbers by a little. */
  #capOf(rank: number): number {
    return Math.ceil(this.#limit * (this.#rules.shares[rank] ?? 1) - 1e-9);
  }

  #isSomebodyBefore(rank: number): boolean {
    for (let higher = 0; higher <= rank; higher++) if (this.#lane(higher).size > 0) return true;
    return false;
  }

  #lane(rank: number): Lane {
    const lane = this.#lanes[rank];
    invariant(lane !== undefined, "each priority has a lane");
    return lane;
  }
}

interface Settle {
  readonly resolve: (how: "taken" | "late") => void;
  readonly reject: (reason: unknown) => void;
}

class Waiter implements Expiring {
  readonly asked: WaitingFor;
  readonly #slots: Slots;
  readonly #settle: Settle;
  before: Waiter | undefined;
  after: Waiter | undefined;

  constructor(slots: Slots, asked: WaitingFor, settle: Settle) {
    this.#slots = slots;
    this.asked = asked;
    this.#settle = settle;
  }

  get deadlineAtMs(): number {
    return this.asked.untilMs;
  }

  admit(): void {
    this.#slots.leave(this);
    this.#settle.resolve("taken");
  }

  expire(): void {
    this.#slots.leave(this);
    this.#settle.resolve("late");
  }

  /** The caller's signal aborted. */
  handleEvent(): void {
    this.#slots.leave(this);
    this.#settle.reject(this.asked.signal?.reason);
  }
}

/** A doubly linked list, so that who gives up leaves from the middle. */
class Lane {
  first: Waiter | undefined;
  #last: Waiter | undefined;
  size = 0;

  add(waiter: Waiter): void {
    waiter.before = this.#last;
    if (this.#last === undefined) this.first = waiter;
    else this.#last.after = waiter;
    this.#last = waiter;
    this.size++;
  }

  remove(waiter: Waiter): void {
    if (waiter.before === undefined) this.first = waiter.after;
    else waiter.before.after = waiter.after;
    if (waiter.after === undefined) this.#last = waiter.before;
    else waiter.after.before = waiter.before;
    this.size--;
  }
}
