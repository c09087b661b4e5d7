import type { Algorithm, Ask, Receipt } from "./algorithm.ts";
import type { Entries } from "./entries.ts";
import type { Rule } from "./rule.ts";

/**
 * Sliding log and concurrency are one algorithm: a permit is an entry that ends after a while. In the log the while is the window, so that
 * the entries alive at t are those taken in (t - window, t]; with concurrency it is the lease.
 */
export class EntryAlgorithm implements Algorithm {
  readonly #entries: Entries;
  readonly #limit: number;
  readonly #lifeUs: number;

  constructor({ limit, windowMs }: Rule, entries: Entries) {
    this.#entries = entries;
    this.#limit = limit;
    this.#lifeUs = windowMs * 1_000;
  }

  waitUs(slot: number, nowUs: number, { cost, weight }: Ask): number {
    if (cost > this.#limit) return Infinity;
    const excess = this.#entries.total(slot, nowUs) + Math.min(weight, this.#limit) - this.#limit;
    return excess <= 0 ? 0 : this.#entries.endOf(slot, excess) - nowUs;
  }

  take(slot: number, nowUs: number, { weight, id }: Ask): void {
    this.#entries.add(slot, { id, weight, untilUs: nowUs + this.#lifeUs });
  }

  takeIfFits(slot: number, nowUs: number, ask: Ask): number {
    const waitUs = this.waitUs(slot, nowUs, ask);
    if (waitUs === 0) this.take(slot, nowUs, ask);
    return waitUs;
  }

  giveBack(slot: number, _nowUs: number, { id }: Receipt): void {
    this.#entries.remove(slot, id);
  }

  /** Gives the permits of that id another whole lease; false when they are gone. */
  renew(slot: number, nowUs: number, id: string): boolean {
    this.#entries.total(slot, nowUs);
    const weight = this.#entries.remove(slot, id);
    if (weight === undefined) return false;
    this.#entries.add(slot, { id, weight, untilUs: nowUs + this.#lifeUs });
    return true;
  }

  level(): number {
    return 0;
  }

  shift(): number {
    return 0;
  }

  delayUs(): number {
    return 0;
  }

  remaining(slot: number, nowUs: number): number {
    return Math.max(0, Math.floor(this.#limit - this.#entries.total(slot, nowUs)));
  }

  idleAtUs(slot: number): number {
    return this.#entries.lastUntilUs(slot);
  }

  clear(slot: number): void {
    this.#entries.clear(slot);
  }
}
