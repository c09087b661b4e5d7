import type { Clock } from "../../clock/mod.ts";

/** How a wait for replay ended. `refused`: too many waited already. */
export type ReplayWaited = "reached" | "late" | "refused";

export interface ReplayWaitParts {
  /** Asks how far the replica is. */
  readonly look: () => Promise<bigint>;
  readonly waitersMax: number;
  readonly clock: Clock;
}

interface Waiter {
  readonly target: bigint;
  readonly settle: (how: ReplayWaited | { readonly error: unknown }) => void;
}

/** Between two looks, while somebody waits. */
const pollMs = 5;

/** Waits until a replica has replayed up to a position. However many wait, the replica is asked once every 5 ms, and not at all when nobody does. */
export class ReplayWait {
  readonly #parts: ReplayWaitParts;
  readonly #waiting = new Set<Waiter>();
  #isPolling = false;

  constructor(parts: ReplayWaitParts) {
    this.#parts = parts;
  }

  get waiting(): number {
    return this.#waiting.size;
  }

  /** Rejects with what the replica's answer rejects with. */
  reached(target: bigint, waitMs: number): Promise<ReplayWaited> {
    if (waitMs <= 0) return Promise.resolve("late");
    if (this.#waiting.size >= this.#parts.waitersMax) return Promise.resolve("refused");
    return new Promise((resolve, reject) => {
      const waiter: Waiter = {
        target,
        settle: (how) => {
          timer.cancel();
          this.#waiting.delete(waiter);
          if (typeof how === "string") resolve(how);
          else reject(how.error);
        },
      };
      const timer = this.#parts.clock.setTimer(waitMs, () => waiter.settle("late"));
      this.#waiting.add(waiter);
      if (!this.#isPolling) void this.#poll();
    });
  }

  /** Whoever waits is refused with the error. */
  fail(error: unknown): void {
    for (const waiter of this.#waiting) waiter.settle({ error });
  }

  async #poll(): Promise<void> {
    this.#isPolling = true;
    while (this.#waiting.size > 0) {
      await this.#parts.clock.sleep(pollMs);
      if (this.#waiting.size > 0) await this.#lookOnce();
    }
    this.#isPolling = false;
  }

  async #lookOnce(): Promise<void> {
    try {
      const replayed = await this.#parts.look();
      for (const waiter of this.#waiting) if (waiter.target <= replayed) waiter.settle("reached");
    } catch (error) {
      this.fail(error);
    }
  }
}
