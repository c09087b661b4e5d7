import type { Clock, Timer } from "../clock/mod.ts";

/** Something that ends at a time unless it is done before. Holds its own place in the list. */
export interface Expiring {
  /** On the monotonic clock. */
  readonly deadlineAtMs: number;
  previous: Expiring | undefined;
  next: Expiring | undefined;
  expire(): void;
}

/**
 * Ends what is not done at its deadline. Adding and removing are O(1) and touch no timer: one timer runs for the earliest deadline that
 * was added since it last rang, and looks through all of them when it does. Calls are short and deadlines long, so that it rings
 * seldom and finds few; a heap would pay for order on every call.
 */
export class Deadlines {
  readonly #clock: Clock;
  #head: Expiring | undefined;
  #timer: Timer | undefined;
  #ringsAtMs = Infinity;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  add(entry: Expiring): void {
    const head = this.#head;
    entry.next = head;
    if (head !== undefined) head.previous = entry;
    this.#head = entry;
    if (entry.deadlineAtMs < this.#ringsAtMs) this.#arm(entry.deadlineAtMs);
  }

  /** Only of what was added and has neither been removed nor expired. */
  remove(entry: Expiring): void {
    const { previous, next } = entry;
    if (previous === undefined) this.#head = next;
    else previous.next = next;
    if (next !== undefined) next.previous = previous;
    entry.previous = undefined;
    entry.next = undefined;
  }

  /** Expires everything that is there. */
  expireAll(): void {
    for (let entry = this.#head; entry !== undefined; entry = this.#head) {
      this.remove(entry);
      entry.expire();
    }
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
    for (let entry = this.#head; entry !== undefined;) {
      const { next } = entry;
      // A timer may ring a millisecond early.
      if (entry.deadlineAtMs <= nowMs + 1) {
        this.remove(entry);
        entry.expire();
      } else earliestMs = Math.min(earliestMs, entry.deadlineAtMs);
      entry = next;
    }
    if (earliestMs < this.#ringsAtMs) this.#arm(earliestMs);
  }
}
