import type { Kernel } from "./kernel.ts";

/** Something that somebody waits for. */
export interface Waiting {
  readonly who: string;
  readonly what: string;
  readonly sinceMs: number;
}

/** What waits in a world, so that a run that gets stuck can say for what. In the order in which the waits began. */
export class Waits {
  readonly #kernel: Kernel;
  readonly #all = new Set<Waiting>();

  constructor(kernel: Kernel) {
    this.#kernel = kernel;
  }

  get all(): readonly Waiting[] {
    return [...this.#all];
  }

  /** The same promise, on the list until it settles. */
  until<T>(who: string, what: string, promise: Promise<T>): Promise<T> {
    const waiting = { who, what, sinceMs: this.#kernel.nowMs };
    this.#all.add(waiting);
    const over = (): void => void this.#all.delete(waiting);
    promise.then(over, over);
    return promise;
  }

  /** Takes everything that somebody waits for off the list: he is dead. */
  forget(who: string): void {
    for (const waiting of this.#all) if (waiting.who === who) this.#all.delete(waiting);
  }
}
