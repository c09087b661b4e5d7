/**
 * Which entry goes when there is no room. `s3-fifo`: a good ratio on nearly everything, and a hit costs one byte. `w-tiny-lfu`: adapts
 * itself between recency and frequency, holds through loops and large scans, costs more a hit. `lru`: strict recency. `lfu`: strict
 * counts, for popularity that does not change. `fifo`: age alone.
 */
export type PolicyName = "s3-fifo" | "w-tiny-lfu" | "lru" | "lfu" | "fifo";

/** Keeps order among the slots of one table. Room is made before an entry is admitted. */
export interface Policy {
  /** The entry was read or replaced. */
  used(slot: number): void;
  /** A new entry is there; `hash` and `weight` of its slot are set. */
  admitted(slot: number): void;
  /** Chooses who goes, and forgets it. Asked only while there are entries. */
  victim(): number;
  /** Somebody else took it out. */
  removed(slot: number): void;
  /** The weight of an entry changed by so much; the column has the new one. */
  reweighed(slot: number, by: number): void;
  /** So many slots there are now; for what a policy remembers of entries that are gone. */
  grown(length: number): void;
}

/** How much there is room for. */
export interface Room {
  /** In the unit of the weights. */
  readonly weightMax: number;
  /** Expected number of entries, for what is sized by it. */
  readonly entries: number;
}
