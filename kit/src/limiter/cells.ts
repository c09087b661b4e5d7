/** Numbers per slot of every algorithm that keeps numbers. */
export const cellsPerSlot = 3;

const growth = 1.25;

/** The states of many keys side by side: 24 bytes a key. Slot 0 stays empty. */
export class Cells {
  numbers: Float64Array<ArrayBuffer>;

  constructor(slots: number) {
    this.numbers = new Float64Array(slots * cellsPerSlot);
  }

  /** Makes room for so many slots, and a quarter more than there was: doubling would leave a third of the memory idle on average. */
  reserve(slots: number): void {
    const needed = slots * cellsPerSlot;
    if (needed <= this.numbers.length) return;
    const grown = new Float64Array(Math.max(needed, Math.ceil(this.numbers.length * growth)));
    grown.set(this.numbers);
    this.numbers = grown;
  }

  clear(slot: number): void {
    this.numbers.fill(0, slot * cellsPerSlot, (slot + 1) * cellsPerSlot);
  }
}
