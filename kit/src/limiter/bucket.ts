// The continuous-state leaky bucket of ITU-T I.371, which decides as the virtual scheduling form (one time per key) does. It keeps what is in
// the bucket and since when, rather than that one time, because its numbers stay small: in units of 1/drain of a microsecond all of them are
// whole, so nothing is ever rounded and no rate drifts. A time since 1970 plus a third of a second, say, would be rounded at each call.
//
// Giving back. A take is the water between two marks; what has drained since, from below, cannot be given back: it has made room already.
// Water on top is simply taken off. Water in the middle is taken off too, and the total of such gaps (`shift`) lowers the marks of all earlier
// receipts, though only those above the gap have sunk: so a refund may be too small by what was given back before it, never too large.
import type { Algorithm, Ask, Receipt } from "./algorithm.ts";
import { type Cells, cellsPerSlot } from "./cells.ts";
import type { Rule } from "./rule.ts";

/** Token bucket and leaky bucket. Cells: level, its time; the third is the shift, which most keys never have. */
export class Bucket implements Algorithm {
  readonly #cells: Cells;
  /** Units that leave in a microsecond. */
  readonly #drain: number;
  /** Units of a permit. */
  readonly #fill: number;
  readonly #burst: number;
  readonly #isLeaky: boolean;

  constructor(rule: Rule, cells: Cells) {
    const { drain, fill } = bucketUnits(rule);
    this.#cells = cells;
    this.#drain = drain;
    this.#fill = fill;
    this.#burst = rule.burst;
    this.#isLeaky = rule.kind === "leaky-bucket";
  }

  waitUs(slot: number, nowUs: number, ask: Ask): number {
    return this.#waitUs(this.#levelAt(slot, nowUs), ask);
  }

  take(slot: number, nowUs: number, { weight }: Ask): void {
    this.#add(slot, nowUs, this.#levelAt(slot, nowUs) + weight * this.#fill);
  }

  takeIfFits(slot: number, nowUs: number, ask: Ask): number {
    const level = this.#levelAt(slot, nowUs);
    const waitUs = this.#waitUs(level, ask);
    if (waitUs === 0) this.#add(slot, nowUs, level + ask.weight * this.#fill);
    return waitUs;
  }

  giveBack(slot: number, nowUs: number, { weight, atUs, level, shift }: Receipt): void {
    const { numbers } = this.#cells;
    const base = slot * cellsPerSlot;
    const present = this.#levelAt(slot, nowUs);
    const drained = Math.max(0, nowUs - atUs) * this.#drain;
    const gaps = this.#cells.third(slot) - shift;
    const mark = level - drained - gaps;
    const returned = Math.min(weight * this.#fill, mark, present);
    if (returned <= 0) return;
    const isOnTop = gaps === 0 && mark === present;
    numbers[base] = present - returned;
    numbers[base + 1] = nowUs;
    if (!isOnTop) this.#cells.setThird(slot, this.#cells.third(slot) + returned);
  }

  level(slot: number): number {
    return this.#cells.numbers[slot * cellsPerSlot] ?? 0;
  }

  shift(slot: number): number {
    return this.#cells.third(slot);
  }

  delayUs(slot: number, nowUs: number, weight: number): number {
    if (!this.#isLeaky) return 0;
    return Math.max(0, Math.ceil((this.#levelAt(slot, nowUs) - weight * this.#fill) / this.#drain));
  }

  remaining(slot: number, nowUs: number): number {
    return Math.max(0, Math.floor(this.#burst - this.#levelAt(slot, nowUs) / this.#fill));
  }

  idleAtUs(slot: number): number {
    const { numbers } = this.#cells;
    const base = slot * cellsPerSlot;
    const held = (numbers[base] ?? 0) + this.#cells.third(slot);
    return held === 0 ? 0 : (numbers[base + 1] ?? 0) + Math.ceil(held / this.#drain);
  }

  clear(slot: number): void {
    this.#cells.clear(slot);
  }

  #waitUs(level: number, { cost, weight }: Ask): number {
    const burst = this.#burst;
    const excess = level + ((weight < burst ? weight : burst) - burst) * this.#fill;
    if (cost > burst) return Infinity;
    return excess <= 0 ? 0 : Math.ceil(excess / this.#drain);
  }

  #add(slot: number, nowUs: number, level: number): void {
    const { numbers } = this.#cells;
    const base = slot * cellsPerSlot;
    if (this.#cells.third(slot) !== 0) this.#forgetGaps(slot, nowUs);
    numbers[base] = level;
    numbers[base + 1] = nowUs;
  }

  /** Once every receipt from before them is worth nothing. */
  #forgetGaps(slot: number, nowUs: number): void {
    const { numbers } = this.#cells;
    const base = slot * cellsPerSlot;
    const drained = Math.max(0, nowUs - (numbers[base + 1] ?? 0)) * this.#drain;
    if (drained >= (numbers[base] ?? 0) + this.#cells.third(slot)) this.#cells.setThird(slot, 0);
  }

  #levelAt(slot: number, nowUs: number): number {
    const { numbers } = this.#cells;
    const base = slot * cellsPerSlot;
    const elapsedUs = Math.max(0, nowUs - (numbers[base + 1] ?? 0));
    return Math.max(0, (numbers[base] ?? 0) - elapsedUs * this.#drain);
  }
}

/** How many units leave a bucket in a microsecond, and how many a permit is: whole numbers. */
export function bucketUnits({ limit, windowMs }: Rule): { readonly drain: number; readonly fill: number } {
  const windowUs = windowMs * 1_000;
  const divisor = greatestCommonDivisor(limit, windowUs);
  return { drain: limit / divisor, fill: windowUs / divisor };
}

function greatestCommonDivisor(left: number, right: number): number {
  return right === 0 ? left : greatestCommonDivisor(right, left % right);
}
