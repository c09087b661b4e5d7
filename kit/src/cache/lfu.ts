// Least frequently used in constant time: entries of one count are a list, the lists are chained by rising count.
// Among equal counts the one that reached the count first goes. Counts are kept only while an entry is there.
// Source: Shah, Mitra and Matani, "An O(1) algorithm for implementing the LFU cache eviction scheme", 2010.
import { invariant } from "../errors/mod.ts";
import type { Policy } from "./policy.ts";
import { SlotList } from "./slot-list.ts";
import type { Slots } from "./slots.ts";

interface Count {
  readonly uses: number;
  readonly members: SlotList;
  fewer: Count | undefined;
  more: Count | undefined;
}

/** Least frequently used. */
export function lfu(slots: Slots): Policy {
  return new Lfu(slots);
}

class Lfu implements Policy {
  readonly #slots: Slots;
  readonly #countOf: (Count | undefined)[] = [];
  #least: Count | undefined;

  constructor(slots: Slots) {
    this.#slots = slots;
  }

  used(slot: number): void {
    const count = this.#count(slot);
    const more = count.more?.uses === count.uses + 1 ? count.more : this.#after(count, count.uses + 1);
    this.#leave(count, slot);
    this.#enter(more, slot);
  }

  admitted(slot: number): void {
    this.#enter(this.#least?.uses === 1 ? this.#least : this.#after(undefined, 1), slot);
  }

  victim(): number {
    const slot = this.#least?.members.oldest;
    invariant(slot !== undefined, "a victim is asked for only while there are entries");
    this.removed(slot);
    return slot;
  }

  removed(slot: number): void {
    this.#leave(this.#count(slot), slot);
    this.#countOf[slot] = undefined;
  }

  reweighed(slot: number, by: number): void {
    this.#count(slot).members.reweigh(by);
  }

  grown(): void {
    // Nothing is remembered of entries that are gone.
  }

  #count(slot: number): Count {
    const count = this.#countOf[slot];
    invariant(count !== undefined, "every entry has a count");
    return count;
  }

  #after(fewer: Count | undefined, uses: number): Count {
    const more = fewer === undefined ? this.#least : fewer.more;
    const count: Count = { uses, members: new SlotList(this.#slots), fewer, more };
    if (fewer === undefined) this.#least = count;
    else fewer.more = count;
    if (more !== undefined) more.fewer = count;
    return count;
  }

  #enter(count: Count, slot: number): void {
    count.members.add(slot);
    this.#countOf[slot] = count;
  }

  #leave(count: Count, slot: number): void {
    count.members.remove(slot);
    if (count.members.size > 0) return;
    if (count.fewer === undefined) this.#least = count.more;
    else count.fewer.more = count.more;
    if (count.more !== undefined) count.more.fewer = count.fewer;
  }
}
