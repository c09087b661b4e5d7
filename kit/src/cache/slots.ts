/** Places for entries, as columns of numbers: a hit touches one byte, and the garbage collector has nothing to walk. */
export class Slots {
  newer: Int32Array<ArrayBuffer>;
  older: Int32Array<ArrayBuffer>;
  weight: Float64Array<ArrayBuffer>;
  /** Of the key, 32 bits. */
  hash: Int32Array<ArrayBuffer>;
  /** Whatever the policy notes of an entry: a count, or the list it is in. */
  mark: Uint8Array<ArrayBuffer>;
  #taken = 0;
  #freed = none;

  constructor(length: number) {
    this.newer = new Int32Array(length);
    this.older = new Int32Array(length);
    this.weight = new Float64Array(length);
    this.hash = new Int32Array(length);
    this.mark = new Uint8Array(length);
  }

  get length(): number {
    return this.hash.length;
  }

  /** Slots that were ever taken: all that can hold an entry are below. */
  get taken(): number {
    return this.#taken;
  }

  /** A free slot; the columns double when there is none. */
  take(): number {
    if (this.#freed !== none) {
      const slot = this.#freed;
      this.#freed = this.older[slot] ?? none;
      return slot;
    }
    if (this.#taken === this.hash.length) this.#grow();
    return this.#taken++;
  }

  release(slot: number): void {
    this.older[slot] = this.#freed;
    this.#freed = slot;
  }

  #grow(): void {
    const length = this.hash.length * 2;
    this.newer = widened(this.newer, new Int32Array(length));
    this.older = widened(this.older, new Int32Array(length));
    this.weight = widened(this.weight, new Float64Array(length));
    this.hash = widened(this.hash, new Int32Array(length));
    this.mark = widened(this.mark, new Uint8Array(length));
  }
}

/** No slot. */
export const none = -1;

/** Columns begin so long, and double. */
export const slotsAtFirst = 64;

/** `wide` with the content of `column` at its start. */
export function widened<A extends Int32Array | Float64Array | Float32Array | Uint8Array>(column: A, wide: A): A {
  wide.set(column);
  return wide;
}
