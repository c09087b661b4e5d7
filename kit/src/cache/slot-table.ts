import { hashOf } from "./key-hash.ts";
import { policyOf } from "./policies.ts";
import type { Policy, PolicyName } from "./policy.ts";
import { none, Slots, slotsAtFirst } from "./slots.ts";

/** What a table may hold. */
export interface Bounds {
  /** 1 to 2^24. */
  readonly entriesMax: number;
  /** In the unit of the weights; when every weight is 1 the same as `entriesMax`. */
  readonly weightMax: number;
  readonly policy: PolicyName;
}

/** Keys and values in slots, never more than the bounds allow. Who stands above keeps further columns by the same slot numbers. */
export class SlotTable<K extends string | number, V> {
  readonly slots: Slots;
  readonly keys: (K | undefined)[] = [];
  readonly values: (V | undefined)[] = [];
  /** Told of every slot whose entry is about to leave for want of room. */
  readonly #evicted: (slot: number) => void;
  readonly #index = new Map<K, number>();
  readonly #bounds: Bounds;
  readonly #policy: Policy;
  readonly #isWeighed: boolean;
  #weight = 0;

  constructor(bounds: Bounds, evicted: (slot: number) => void) {
    this.#bounds = bounds;
    this.#evicted = evicted;
    this.#isWeighed = bounds.weightMax !== bounds.entriesMax;
    this.slots = new Slots(slotsAtFirst);
    const entries = this.#isWeighed ? slotsAtFirst : bounds.entriesMax;
    this.#policy = policyOf(bounds.policy, this.slots, { weightMax: bounds.weightMax, entries });
  }

  get size(): number {
    return this.#index.size;
  }

  get weight(): number {
    return this.#weight;
  }

  /** The slot of a key, or -1. */
  find(key: K): number {
    return this.#index.get(key) ?? none;
  }

  used(slot: number): void {
    this.#policy.used(slot);
  }

  /** The slot of the new entry; -1 when it is heavier than everything there is room for. The key is not there yet. */
  insert(key: K, value: V, weight: number): number {
    if (weight > this.#bounds.weightMax) return none;
    while (this.#index.size >= this.#bounds.entriesMax || this.#weight + weight > this.#bounds.weightMax) this.#evict();
    const { length } = this.slots;
    const slot = this.slots.take();
    if (this.#isWeighed && this.slots.length > length) this.#policy.grown(this.slots.length);
    this.keys[slot] = key;
    this.values[slot] = value;
    this.slots.weight[slot] = weight;
    this.slots.hash[slot] = hashOf(key);
    this.#weight += weight;
    this.#index.set(key, slot);
    this.#policy.admitted(slot);
    return slot;
  }

  /** Whether the entry is still there with its new value: it may have become too heavy. Counts as a use. */
  replace(slot: number, value: V, weight: number): boolean {
    const by = weight - (this.slots.weight[slot] ?? 0);
    if (by === 0) {
      this.values[slot] = value;
      this.#policy.used(slot);
      return true;
    }
    const key = this.keys[slot];
    if (weight > this.#bounds.weightMax || key === undefined) return false;
    this.values[slot] = value;
    this.slots.weight[slot] = weight;
    this.#weight += by;
    this.#policy.reweighed(slot, by);
    this.#policy.used(slot);
    while (this.#weight > this.#bounds.weightMax) this.#evict();
    return this.find(key) === slot;
  }

  remove(slot: number): void {
    this.#policy.removed(slot);
    this.#forget(slot);
  }

  #evict(): void {
    const slot = this.#policy.victim();
    this.#evicted(slot);
    this.#forget(slot);
  }

  #forget(slot: number): void {
    const key = this.keys[slot];
    if (key !== undefined) this.#index.delete(key);
    this.keys[slot] = undefined;
    this.values[slot] = undefined;
    this.#weight -= this.slots.weight[slot] ?? 0;
    this.slots.release(slot);
  }
}
