import { type Handle, type IndexedHeap, turnoverMap, type TurnoverMap } from "../../collections/mod.ts";
import { type Load, weightOfSlot } from "./load.ts";

/** Something that counts as absent from its time on, and is removed by maintenance. */
export interface Expiry {
  readonly expiresAtMs: number;
  readonly drop: () => void;
}

/** Order in which maintenance removes. */
export function byExpiry(left: Expiry, right: Expiry): number {
  return left.expiresAtMs - right.expiresAtMs;
}

interface Slot<V> {
  readonly value: V;
  readonly expiresAtMs: number | undefined;
  readonly handle: Handle<Expiry> | undefined;
}

/** What the maps of one engine share. */
export interface Shelf<V> {
  /** From which maintenance takes what is over. */
  readonly expiries: IndexedHeap<Expiry>;
  readonly load: Load;
  /** What a value counts for in the load, besides its key. */
  readonly weigh: (value: V) => number;
}

/** A map whose values may expire. An expired value is absent at once, whether maintenance has come by or not. */
export class ExpiringMap<V> {
  readonly #slots: TurnoverMap<string, Slot<V>> = turnoverMap();
  readonly #shelf: Shelf<V>;

  constructor(shelf: Shelf<V>) {
    this.#shelf = shelf;
  }

  get(key: string, nowMs: number): V | undefined {
    const slot = this.#slots.get(key);
    return slot === undefined || isOver(slot.expiresAtMs, nowMs) ? undefined : slot.value;
  }

  set(key: string, value: V, expiresAtMs: number | undefined): void {
    this.delete(key);
    const handle =
      expiresAtMs === undefined ? undefined : this.#shelf.expiries.push({ expiresAtMs, drop: () => this.#drop(key) });
    this.#slots.set(key, { value, expiresAtMs, handle });
    this.#shelf.load.bytes += weightOfSlot + key.length + this.#shelf.weigh(value);
  }

  delete(key: string): void {
    const slot = this.#slots.get(key);
    if (slot === undefined) return;
    if (slot.handle !== undefined) this.#shelf.expiries.remove(slot.handle);
    this.#drop(key);
  }

  has(key: string): boolean {
    return this.#slots.has(key);
  }

  /** All that was not removed, expired or not, in the order of their first `set`. */
  *entries(): Generator<readonly [key: string, value: V, expiresAtMs: number | undefined]> {
    for (const key of this.#slots.keys()) {
      const slot = this.#slots.get(key);
      if (slot !== undefined) yield [key, slot.value, slot.expiresAtMs];
    }
  }

  #drop(key: string): void {
    const slot = this.#slots.get(key);
    if (slot === undefined) return;
    this.#shelf.load.bytes -= weightOfSlot + key.length + this.#shelf.weigh(slot.value);
    this.#slots.delete(key);
  }
}

function isOver(expiresAtMs: number | undefined, nowMs: number): boolean {
  return expiresAtMs !== undefined && expiresAtMs <= nowMs;
}
