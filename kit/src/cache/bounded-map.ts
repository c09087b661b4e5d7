import { ConfigError, integerIn, numberIn, oneOf } from "../errors/mod.ts";
import type { PolicyName } from "./policy.ts";
import { type Bounds, SlotTable } from "./slot-table.ts";

/** How much a bounded map or a cache holds: so many entries, so many bytes (in whatever unit `sizeOf` counts), or both. */
export interface RoomOptions<K, V> {
  /** 1 to 16,777,216, the bound that a Map has. Needed unless `bytes` is given. */
  readonly entries?: number | undefined;
  /** 1 to 2^53 - 1. Needs `sizeOf`. */
  readonly bytes?: number | undefined;
  /** Size of an entry, more than 0 and finite; asked once for each value that is stored. */
  readonly sizeOf?: ((value: V, key: K) => number) | undefined;
  /** Who goes when there is no room. Default `s3-fifo`. */
  readonly policy?: PolicyName | undefined;
}

/** As for the room; and who wants to hear of what left. */
export interface BoundedMapOptions<K, V> extends RoomOptions<K, V> {
  /** Called with every entry that went for want of room, before the call that needed the room returns. */
  readonly onEvicted?: ((key: K, value: V) => void) | undefined;
}

/** A map that never holds more than it may. All operations are O(1), amortised over the uses that an eviction has to pass over. */
export interface BoundedMap<K extends string | number, V> {
  readonly size: number;
  /** Sum of the sizes; the number of entries when there is no `sizeOf`. */
  readonly weight: number;
  /** The value, which counts as a use. */
  get(key: K): V | undefined;
  /** Whether it is there, which does not count as a use. */
  has(key: K): boolean;
  /** `refused`: it is larger than all the room there is; then the key is not there afterwards. A replacement counts as a use. */
  set(key: K, value: V): "stored" | "refused";
  /** Whether it was there. */
  delete(key: K): boolean;
  /** In no stated order. What is deleted meanwhile is not shown; what is added may or may not be. */
  [Symbol.iterator](): Iterator<readonly [K, V]>;
}

const entriesLimit = 16_777_216;
export const policyNames: readonly PolicyName[] = ["s3-fifo", "w-tiny-lfu", "lru", "lfu", "fifo"];

/** An empty map. Throws {@link ConfigError}. Columns grow with the entries; nothing runs while it is not called. */
export function boundedMap<K extends string | number, V>(options: BoundedMapOptions<K, V>): BoundedMap<K, V> {
  return new PolicyMap(options);
}

/** The bounds of a room, in range. Throws {@link ConfigError}. */
export function boundsOf<K, V>(options: RoomOptions<K, V>): Bounds {
  const { bytes, entries, sizeOf } = options;
  const policy = oneOf("policy", options.policy ?? "s3-fifo", policyNames);
  if (bytes === undefined && entries === undefined) throw new ConfigError("entries", entries, "entries or bytes");
  if (bytes !== undefined && sizeOf === undefined) throw new ConfigError("sizeOf", sizeOf, "a function beside bytes");
  const entriesMax = integerIn("entries", entries ?? entriesLimit, { min: 1, max: entriesLimit });
  const weightMax = integerIn("bytes", bytes ?? entriesMax, { min: 1 });
  return { entriesMax, weightMax, policy };
}

/** A function that weighs entries: 1 each, unless there is a bound of bytes. It throws {@link ConfigError}. */
export function weigher<K, V>(options: RoomOptions<K, V>): (value: V, key: K) => number {
  const { bytes, sizeOf } = options;
  if (bytes === undefined || sizeOf === undefined) return () => 1;
  return (value, key) => numberIn("sizeOf", sizeOf(value, key), { min: Number.MIN_VALUE });
}

class PolicyMap<K extends string | number, V> implements BoundedMap<K, V> {
  readonly #table: SlotTable<K, V>;
  readonly #weigh: (value: V, key: K) => number;

  constructor(options: BoundedMapOptions<K, V>) {
    const { onEvicted } = options;
    this.#weigh = weigher(options);
    const table = new SlotTable<K, V>(boundsOf(options), (slot) => {
      if (onEvicted !== undefined) onEvicted(table.keys[slot] as K, table.values[slot] as V);
    });
    this.#table = table;
  }

  get size(): number {
    return this.#table.size;
  }

  get weight(): number {
    return this.#table.weight;
  }

  get(key: K): V | undefined {
    const slot = this.#table.find(key);
    if (slot < 0) return undefined;
    this.#table.used(slot);
    return this.#table.values[slot];
  }

  has(key: K): boolean {
    return this.#table.find(key) >= 0;
  }

  set(key: K, value: V): "stored" | "refused" {
    const weight = this.#weigh(value, key);
    const slot = this.#table.find(key);
    if (slot < 0) return this.#table.insert(key, value, weight) < 0 ? "refused" : "stored";
    if (this.#table.replace(slot, value, weight)) return "stored";
    this.delete(key);
    return "refused";
  }

  delete(key: K): boolean {
    const slot = this.#table.find(key);
    if (slot < 0) return false;
    this.#table.remove(slot);
    return true;
  }

  *[Symbol.iterator](): Iterator<readonly [K, V]> {
    const { keys, values, slots } = this.#table;
    for (let slot = 0; slot < slots.taken; slot++) {
      const key = keys[slot];
      if (key !== undefined) yield [key, values[slot] as V];
    }
  }
}
