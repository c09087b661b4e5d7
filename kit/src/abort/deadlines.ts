import type { Clock, Timer } from "../clock/mod.ts";
import { turnoverMap, type TurnoverMap } from "../collections/mod.ts";

/** Something that ends at a time unless it is done before. */
export interface Expiring {
  /** On the monotonic clock. */
  readonly deadlineAtMs: number;
  expire(): void;
}

/**
 * Ends what is not done at its deadline. Adding and removing are O(1) and touch no timer: one timer runs for the earliest deadline that
 * was added since it last rang, and looks through all of them when it does. Calls are short and deadlines long, so that it rings
 * seldom and finds few; a heap would pay for order on every call.
 */
export class Deadlines {
  readonly #clock: Clock;
  readonly #entries: TurnoverMap<Expiring, Expiring> = turnoverMap();
  #timer: Timer | undefined;
  #ringsAtMs = Infinity;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  add(entry: Expiring): void {
    this.#entries.set(entry, entry);
    if (entry.deadlineAtMs < this.#ringsAtMs) this.#arm(entry.deadlineAtMs);
  }

  /** Does nothing for what has been removed or has expired. */
  remove(entry: Expiring): void {
    this.#entries.delete(entry);
  }

  /** Expires everything that is there. */
  expireAll(): void {
    // Where one ends, others may be done with.
    for (const entry of this.#entries.keys()) if (this.#entries.delete(entry)) entry.expire();
  }

  [Symbol.dispose](): void {
    this.#timer?.cancel();
    this.#ringsAtMs = Infinity;
  }

  #arm(atMs: number): void {
    this.#timer?.cancel();
    this.#ringsAtMs = atMs;
    const delayMs = Math.max(0, atMs - this.#clock.monotonic());
    this.#timer = this.#clock.setTimer(delayMs, () => this.#ring(), { holdsProcess: "no" });
  }

  #ring(): void {
    this.#ringsAtMs = Infinity;
    const nowMs = this.#clock.monotonic();
    let earliestMs = Infinity;
    for (const entry of this.#entries.keys()) {
      // A timer may ring a millisecond early.
      if (entry.deadlineAtMs <= nowMs + 1) {
        if (this.#entries.delete(entry)) entry.expire();
      } else earliestMs = Math.min(earliestMs, entry.deadlineAtMs);
    }
    if (earliestMs < this.#ringsAtMs) this.#arm(earliestMs);
  }
}
