import { integerIn } from "../errors/mod.ts";

/** The last `capacity` items. Every operation O(1) except iteration; memory is taken once. */
export interface Ring<T> extends Iterable<T> {
  readonly size: number;
  readonly capacity: number;
  /** Adds as newest; when full, the oldest leaves and is returned. */
  push(item: T): T | undefined;
  /** `position` 0 is the oldest; undefined outside 0 to size - 1. */
  at(position: number): T | undefined;
  clear(): void;
}

/** A fixed window that overwrites its oldest item. `capacity`: 1 to 2^24. Throws ConfigError. Iterates oldest first. */
export function ring<T>(capacity: number): Ring<T> {
  return new Window(integerIn("capacity", capacity, { min: 1, max: 2 ** 24 }));
}

class Window<T> implements Ring<T> {
  readonly capacity: number;
  readonly #slots: (T | undefined)[];
  #oldest = 0;
  #size = 0;

  constructor(capacity: number) {
    this.capacity = capacity;
    this.#slots = Array.from<T | undefined>({ length: capacity });
  }

  get size(): number {
    return this.#size;
  }

  push(item: T): T | undefined {
    const slot = this.#slot(this.#size);
    const left = this.#slots[slot];
    this.#slots[slot] = item;
    if (this.#size < this.capacity) {
      this.#size++;
      return undefined;
    }
    this.#oldest = this.#slot(1);
    return left;
  }

  at(position: number): T | undefined {
    if (position < 0 || position >= this.#size) return undefined;
    return this.#slots[this.#slot(position)];
  }

  clear(): void {
    this.#slots.fill(undefined);
    this.#oldest = 0;
    this.#size = 0;
  }

  *[Symbol.iterator](): IterableIterator<T> {
    for (let position = 0; position < this.#size; position++) yield this.#slots[this.#slot(position)] as T;
  }

  #slot(position: number): number {
    const slot = this.#oldest + position;
    return slot < this.capacity ? slot : slot - this.capacity;
  }
}
