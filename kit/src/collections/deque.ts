/**
 * A queue with two ends. Every operation O(1) amortised; memory follows the size down as well as up (at most four slots an
 * item, never below 16). Unbounded: whoever fills it states the bound.
 */
export interface Deque<T> extends Iterable<T> {
  readonly size: number;
  pushBack(item: T): void;
  pushFront(item: T): void;
  popBack(): T | undefined;
  popFront(): T | undefined;
  peekBack(): T | undefined;
  peekFront(): T | undefined;
  /** `position` 0 is the front; undefined outside 0 to size - 1. */
  at(position: number): T | undefined;
  clear(): void;
}

/** An empty deque. Iterates front to back; changing it while iterating is allowed and shows the positions as they then are. */
export function deque<T>(): Deque<T> {
  return new CircularDeque();
}

const slotsMin = 16; // a power of two, as every capacity: a position wraps by a mask

class CircularDeque<T> implements Deque<T> {
  #slots: (T | undefined)[] = empty(slotsMin);
  #front = 0;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  pushBack(item: T): void {
    if (this.#size === this.#slots.length) this.#resize(this.#size * 2);
    this.#slots[this.#slot(this.#size)] = item;
    this.#size++;
  }

  pushFront(item: T): void {
    if (this.#size === this.#slots.length) this.#resize(this.#size * 2);
    this.#front = this.#slot(-1);
    this.#slots[this.#front] = item;
    this.#size++;
  }

  popBack(): T | undefined {
    if (this.#size === 0) return undefined;
    this.#size--;
    return this.#takeFrom(this.#slot(this.#size));
  }

  popFront(): T | undefined {
    if (this.#size === 0) return undefined;
    const slot = this.#front;
    this.#front = this.#slot(1);
    this.#size--;
    return this.#takeFrom(slot);
  }

  peekBack(): T | undefined {
    return this.at(this.#size - 1);
  }

  peekFront(): T | undefined {
    return this.at(0);
  }

  at(position: number): T | undefined {
    if (position < 0 || position >= this.#size) return undefined;
    return this.#slots[this.#slot(position)];
  }

  clear(): void {
    this.#slots = empty(slotsMin);
    this.#front = 0;
    this.#size = 0;
  }

  *[Symbol.iterator](): IterableIterator<T> {
    for (let position = 0; position < this.#size; position++) yield this.#slots[this.#slot(position)] as T;
  }

  #slot(position: number): number {
    return (this.#front + position) & (this.#slots.length - 1);
  }

  #takeFrom(slot: number): T | undefined {
    const item = this.#slots[slot];
    this.#slots[slot] = undefined; // else the deque would keep it from being collected
    // A quarter, not a half: pushing and popping around one size must not resize every time.
    if (this.#slots.length > slotsMin && this.#size * 4 <= this.#slots.length) this.#resize(this.#slots.length / 2);
    return item;
  }

  #resize(length: number): void {
    const slots = empty<T>(length);
    for (let position = 0; position < this.#size; position++) slots[position] = this.#slots[this.#slot(position)];
    this.#slots = slots;
    this.#front = 0;
  }
}

function empty<T>(length: number): (T | undefined)[] {
  const slots: (T | undefined)[] = []; // Array.from takes many times as long
  while (slots.length < length) slots.push(undefined);
  return slots;
}
