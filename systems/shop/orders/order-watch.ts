import { gate, linkSignals, type Gate } from "ashlar/abort";
import type { Clock } from "ashlar/clock";

/** Changes that another process has made are found at the latest after this time. */
const lookMs = 1_000;

/** Somebody who follows an order, until disposed. */
interface Follower extends Disposable {
  /** Resolves at the first change since the follower is there, or when it is time to look anyway. */
  next(signal: AbortSignal): Promise<void>;
}

interface Followed {
  readonly change: Gate<void>;
  followers: number;
}

/** Tells those who follow an order that it has changed. What this process commits is told at once. Keeps what is followed, and nothing else. */
export class OrderWatch {
  readonly #clock: Clock;
  readonly #followed = new Map<string, Followed>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Orders that somebody follows. */
  get orders(): number {
    return this.#followed.size;
  }

  /** To be said after every commit that concerns the order. */
  changed(id: string): void {
    const followed = this.#followed.get(id);
    if (followed === undefined) return;
    this.#followed.delete(id);
    followed.change.open();
  }

  /** Begins to listen now. */
  follow(id: string): Follower {
    const followed = this.#followed.get(id) ?? { change: gate(), followers: 0 };
    this.#followed.set(id, followed);
    followed.followers += 1;
    return {
      next: async (signal) => {
        using ended = linkSignals([signal]);
        const look = (): void => this.changed(id);
        const timer = this.#clock.setTimer(lookMs, look);
        ended.signal.addEventListener("abort", look, { once: true });
        if (signal.aborted) look();
        await followed.change.promise;
        timer.cancel();
      },
      [Symbol.dispose]: () => {
        followed.followers -= 1;
        if (followed.followers === 0 && this.#followed.get(id) === followed) this.#followed.delete(id);
      },
    };
  }
}
