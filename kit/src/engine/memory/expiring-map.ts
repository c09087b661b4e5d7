import { type Handle, type IndexedHeap, turnoverMap, type TurnoverMap } from "../../collections/mod.ts";

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

/** A map whose values may expire. An expired value is absent at once, whether maintenance has come by or not. */
export class ExpiringMap<V> {
  readonly #slots: TurnoverMap<string, Slot<V>> = turnoverMap();
  readonly #expiries: IndexedHeap<Expiry>;

  /** All maps of one engine share the heap from which maintenance takes what is over. */
  constructor(expiries: IndexedHeap<Expiry>) {
    this.#expiries = expiries;
  }

  get(key: string, nowMs: number): V | undefined {
    const slot = this.#slots.get(key);
    return slot === undefined || isOver(slot.expiresAtMs, nowMs) ? undefined : slot.value;
  }

  set(key: string, value: V, expiresAtMs: number | undefined): void {
    this.delete(key);
    const handle =
      expiresAtMs === undefined ? undefined : this.#expiries.push({ expiresAtMs, drop: () => this.#slots.delete(key) });
    this.#slots.set(key, { value, expiresAtMs, handle });
  }

  delete(key: string): void {
    const slot = this.#slots.get(key);
    if (slot === undefined) return;
    if (slot.handle !== undefined) this.#expiries.remove(slot.handle);
    this.#slots.delete(key);
  }

  has(key: string): boolean {
    return this.#slots.has(key);
  }
}

function isOver(expiresAtMs: number | undefined, nowMs: number): boolean {
  return expiresAtMs !== undefined && expiresAtMs <= nowMs;
}
