import type { Algorithm, Ask, Receipt } from "./algorithm.ts";
import { type Cells, cellsPerSlot } from "./cells.ts";
import type { Rule } from "./rule.ts";

/** Cells: start of the window, permits taken in it. */
export class FixedWindow implements Algorithm {
  readonly #cells: Cells;
  readonly #limit: number;
  readonly #windowUs: number;

  constructor({ limit, windowMs }: Rule, cells: Cells) {
    this.#cells = cells;
    this.#limit = limit;
    this.#windowUs = windowMs * 1_000;
  }

  waitUs(slot: number, nowUs: number, { cost, weight }: Ask): number {
    if (cost > this.#limit) return Infinity;
    if (this.#takenAt(slot, nowUs) + Math.min(weight, this.#limit) <= this.#limit) return 0;
    return this.#startOf(nowUs) + this.#windowUs - nowUs;
  }

  take(slot: number, nowUs: number, { weight }: Ask): void {
    const { numbers } = this.#cells;
    const base = slot * cellsPerSlot;
    numbers[base + 1] = this.#takenAt(slot, nowUs) + weight;
    numbers[base] = this.#startOf(nowUs);
  }

  takeIfFits(slot: number, nowUs: number, ask: Ask): number {
    const waitUs = this.waitUs(slot, nowUs, ask);
    if (waitUs === 0) this.take(slot, nowUs, ask);
    return waitUs;
  }

  giveBack(slot: number, nowUs: number, { weight, atUs }: Receipt): void {
    const { numbers } = this.#cells;
    const base = slot * cellsPerSlot;
    if (this.#startOf(atUs) !== this.#startOf(nowUs) || numbers[base] !== this.#startOf(nowUs)) return;
    numbers[base + 1] = Math.max(0, (numbers[base + 1] ?? 0) - weight);
  }

  level(slot: number): number {
    return this.#cells.numbers[slot * cellsPerSlot + 1] ?? 0;
  }

  shift(): number {
    return 0;
  }

  delayUs(): number {
    return 0;
  }

  remaining(slot: number, nowUs: number): number {
    return Math.max(0, Math.floor(this.#limit - this.#takenAt(slot, nowUs)));
  }

  idleAtUs(slot: number): number {
    const { numbers } = this.#cells;
    const base = slot * cellsPerSlot;
    return (numbers[base + 1] ?? 0) === 0 ? 0 : (numbers[base] ?? 0) + this.#windowUs;
  }

  clear(slot: number): void {
    this.#cells.clear(slot);
  }

  #startOf(timeUs: number): number {
    // Exact for whole numbers below 2^53; the remainder of numbers of this size costs a quarter of a take more.
    return Math.floor(timeUs / this.#windowUs) * this.#windowUs;
  }

  #takenAt(slot: number, nowUs: number): number {
    const { numbers } = this.#cells;
    const base = slot * cellsPerSlot;
    return numbers[base] === this.#startOf(nowUs) ? (numbers[base + 1] ?? 0) : 0;
  }
}
