/** Numbers per slot that every algorithm which keeps numbers has; some have a third. */
export const cellsPerSlot = 2;

const growth = 1.25;

/**
 * The states of many keys side by side: 16 bytes a key, and 8 for a third number from the first key on that has one. Slot 0 stays empty.
 */
export class Cells {
  numbers: Float64Array<ArrayBuffer>;
  #thirds = new Float64Array(0);

  constructor(slots: number) {
    this.numbers = new Float64Array(slots * cellsPerSlot);
  }

  third(slot: number): number {
    return this.#thirds[slot] ?? 0;
  }

  setThird(slot: number, value: number): void {
    if (slot >= this.#thirds.length) {
      if (value === 0) return;
      this.#thirds = grownTo(this.#thirds, this.numbers.length / cellsPerSlot);
    }
    this.#thirds[slot] = value;
  }

  /** Makes room for so many slots, and a quarter more than there was: doubling would leave a third of the memory idle on average. */
  reserve(slots: number): void {
    const needed = slots * cellsPerSlot;
    if (needed > this.numbers.length)
      this.numbers = grownTo(
        this.numbers,
        Math.max(needed, Math.ceil((this.numbers.length / cellsPerSlot) * growth) * cellsPerSlot),
      );
  }

  clear(slot: number): void {
    this.numbers.fill(0, slot * cellsPerSlot, (slot + 1) * cellsPerSlot);
    this.setThird(slot, 0);
  }
}

function grownTo(column: Float64Array<ArrayBuffer>, length: number): Float64Array<ArrayBuffer> {
  const grown = new Float64Array(length);
  grown.set(column);
  return grown;
}
