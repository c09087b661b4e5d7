import type { Algorithm, Ask, Receipt } from "./algorithm.ts";
import { type Cells, cellsPerSlot } from "./cells.ts";
import type { Rule } from "./rule.ts";

/** Cells: start of the window, permits taken in it, permits taken in the one before. */
export class SlidingWindow implements Algorithm {
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
    const needed = Math.min(weight, this.#limit);
    const windowUs = this.#windowUs;
    const current = this.#currentAt(slot, nowUs);
    const previous = this.#previousAt(slot, nowUs);
    const leftUs = this.#startOf(nowUs) + windowUs - nowUs;
    // Both sides times the window's length, so that whole numbers stay whole.
    const free = this.#limit - needed - current;
    if (previous * leftUs <= free * windowUs) return 0;
    // Later in this window, when enough of the last one has gone by …
    if (free >= 0) return Math.ceil(leftUs - (free * windowUs) / previous);
    // … or in the next, of which this one is then the last.
    return leftUs + Math.max(0, Math.ceil(windowUs - ((this.#limit - needed) * windowUs) / current));
  }

  take(slot: number, nowUs: number, { weight }: Ask): void {
    const { numbers } = this.#cells;
    const base = slot * cellsPerSlot;
    const current = this.#currentAt(slot, nowUs) + weight;
    this.#cells.setThird(slot, this.#previousAt(slot, nowUs));
    numbers[base + 1] = current;
    numbers[base] = this.#startOf(nowUs);
  }

  takeIfFits(slot: number, nowUs: number, ask: Ask): number {
    const waitUs = this.waitUs(slot, nowUs, ask);
    if (waitUs === 0) this.take(slot, nowUs, ask);
    return waitUs;
  }

  giveBack(slot: number, _nowUs: number, { weight, atUs }: Receipt): void {
    const { numbers } = this.#cells;
    const base = slot * cellsPerSlot;
    const windowsAgo = ((numbers[base] ?? 0) - this.#startOf(atUs)) / this.#windowUs;
    if (windowsAgo === 0) numbers[base + 1] = Math.max(0, (numbers[base + 1] ?? 0) - weight);
    else if (windowsAgo === 1) this.#cells.setThird(slot, Math.max(0, this.#cells.third(slot) - weight));
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
    const leftUs = this.#startOf(nowUs) + this.#windowUs - nowUs;
    const past = (this.#previousAt(slot, nowUs) * leftUs) / this.#windowUs;
    return Math.max(0, Math.floor(this.#limit - this.#currentAt(slot, nowUs) - past));
  }

  idleAtUs(slot: number): number {
    const { numbers } = this.#cells;
    const base = slot * cellsPerSlot;
    if ((numbers[base + 1] ?? 0) > 0) return (numbers[base] ?? 0) + 2 * this.#windowUs;
    return this.#cells.third(slot) > 0 ? (numbers[base] ?? 0) + this.#windowUs : 0;
  }

  clear(slot: number): void {
    this.#cells.clear(slot);
  }

  #startOf(timeUs: number): number {
    // Exact for whole numbers below 2^53; the remainder of numbers of this size costs a quarter of a take more.
    return Math.floor(timeUs / this.#windowUs) * this.#windowUs;
  }

  #currentAt(slot: number, nowUs: number): number {
    const { numbers } = this.#cells;
    const base = slot * cellsPerSlot;
    return numbers[base] === this.#startOf(nowUs) ? (numbers[base + 1] ?? 0) : 0;
  }

  #previousAt(slot: number, nowUs: number): number {
    const { numbers } = this.#cells;
    const base = slot * cellsPerSlot;
    const windowsAgo = (this.#startOf(nowUs) - (numbers[base] ?? 0)) / this.#windowUs;
    if (windowsAgo === 0) return this.#cells.third(slot);
    return windowsAgo === 1 ? (numbers[base + 1] ?? 0) : 0;
  }
}
