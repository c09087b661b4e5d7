/** Permits that one call has taken, until they end. */
export interface Entry {
  readonly id: string;
  readonly weight: number;
  readonly untilUs: number;
}

/** The entries of many keys, each in its slot, in the order in which they end, which is the order in which they were added. */
export interface Entries {
  /** Sum of the weights; what has ended by `nowUs` is dropped first. */
  total(slot: number, nowUs: number): number;
  /** When entries of at least that weight will have ended, counted from the next to end. */
  endOf(slot: number, weight: number): number;
  add(slot: number, entry: Entry): void;
  /** The weight of what was removed; undefined when there is none. */
  remove(slot: number, id: string): number | undefined;
  /** When the last ends, or the last that was given back would have; 0 without any. */
  lastUntilUs(slot: number): number;
  clear(slot: number): void;
}
