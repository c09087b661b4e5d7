import { none, type Slots } from "./slots.ts";

/** Slots in order, newest first. Every operation is O(1) and allocates nothing. A slot is in one list at a time. */
export class SlotList {
  readonly #slots: Slots;
  #newest = none;
  #oldest = none;
  #weight = 0;
  #size = 0;

  constructor(slots: Slots) {
    this.#slots = slots;
  }

  get oldest(): number {
    return this.#oldest;
  }

  get newest(): number {
    return this.#newest;
  }

  /** Sum of the weights of its slots. */
  get weight(): number {
    return this.#weight;
  }

  get size(): number {
    return this.#size;
  }

  add(slot: number): void {
    const { newer, older, weight } = this.#slots;
    newer[slot] = none;
    older[slot] = this.#newest;
    if (this.#newest === none) this.#oldest = slot;
    else newer[this.#newest] = slot;
    this.#newest = slot;
    this.#weight += weight[slot] ?? 0;
    this.#size++;
  }

  remove(slot: number): void {
    const { newer, older, weight } = this.#slots;
    const after = newer[slot] ?? none;
    const before = older[slot] ?? none;
    if (after === none) this.#newest = before;
    else older[after] = before;
    if (before === none) this.#oldest = after;
    else newer[before] = after;
    this.#weight -= weight[slot] ?? 0;
    this.#size--;
  }

  /** Makes it the newest. */
  renew(slot: number): void {
    if (slot === this.#newest) return;
    this.remove(slot);
    this.add(slot);
  }

  /** Follows a change of a member's weight. */
  reweigh(by: number): void {
    this.#weight += by;
  }
}
