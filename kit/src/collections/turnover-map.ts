/**
 * A Map for entries that come and go all the time. V8's own keeps its outgrown tables linked to their successors, so that one that has
 * reached the old generation keeps every entry since then alive until the next full collection: with some hundred objects in flight
 * that costs several microseconds an entry. This one begins anew after as many deletions as it has entries.
 */
export interface TurnoverMap<K, V> {
  readonly size: number;
  has(key: K): boolean;
  get(key: K): V | undefined;
  set(key: K, value: V): void;
  /** False when there was none. */
  delete(key: K): boolean;
  clear(): void;
  /** In the order of their first `set`, as the values. What is deleted meanwhile may still show. */
  keys(): Iterable<K>;
  values(): Iterable<V>;
}

/** An empty one. Every operation O(1) amortised. */
export function turnoverMap<K, V>(): TurnoverMap<K, V> {
  return new RenewedMap();
}

// Beginning anew with fewer would cost more than it saves.
const deletionsMin = 32;

class RenewedMap<K, V> implements TurnoverMap<K, V> {
  #entries = new Map<K, V>();
  #deletions = 0;

  get size(): number {
    return this.#entries.size;
  }

  has(key: K): boolean {
    return this.#entries.has(key);
  }

  get(key: K): V | undefined {
    return this.#entries.get(key);
  }

  set(key: K, value: V): void {
    this.#entries.set(key, value);
  }

  delete(key: K): boolean {
    if (!this.#entries.delete(key)) return false;
    this.#deletions++;
    if (this.#deletions >= deletionsMin && this.#deletions >= this.#entries.size) {
      this.#entries = new Map(this.#entries);
      this.#deletions = 0;
    }
    return true;
  }

  clear(): void {
    this.#entries = new Map();
    this.#deletions = 0;
  }

  keys(): Iterable<K> {
    return this.#entries.keys();
  }

  values(): Iterable<V> {
    return this.#entries.values();
  }
}
