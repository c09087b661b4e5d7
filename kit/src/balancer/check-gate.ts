import { deque } from "../collections/mod.ts";

/** Lets so many checks run at once; the others wait in order. Bounded by the endpoints, each of which waits once at most. */
export class CheckGate {
  readonly #waiting = deque<() => void>();
  #free: number;

  constructor(concurrency: number) {
    this.#free = concurrency;
  }

  /** Resolves when the check may run. Call `leave` after it. */
  enter(): Promise<void> {
    if (this.#free > 0) {
      this.#free--;
      return Promise.resolve();
    }
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.pushBack(resolve);
    return promise;
  }

  leave(): void {
    const next = this.#waiting.popFront();
    if (next === undefined) this.#free++;
    else next();
  }
}
