import { deque } from "../collections/mod.ts";

/** Admits so many at once, the others in order of arrival. */
export class Slots {
  readonly #waiting = deque<() => void>();
  #free: number;

  constructor(count: number) {
    this.#free = count;
  }

  get free(): number {
    return this.#free;
  }

  /** Resolves when the caller may begin; it must then call `leave` once. */
  enter(): Promise<void> {
    if (this.#free > 0) {
      this.#free--;
      return Promise.resolve();
    }
    return new Promise((resolve) => this.#waiting.pushBack(resolve));
  }

  leave(): void {
    const next = this.#waiting.popFront();
    if (next === undefined) this.#free++;
    else next();
  }
}
