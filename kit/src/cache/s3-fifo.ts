// S3-FIFO: a small queue (a tenth of the room) through which most newcomers leave, a main queue for what was used more than once
// while it was in the small one, and the memory of what left the small queue, whose return leads straight to the main one.
// A hit counts to three in one byte and moves nothing.
// Source: Yang, Zhang, Qiu, Yue and Vigfusson, "FIFO queues are all you need for cache eviction", SOSP 2023.
import { Ghosts } from "./ghosts.ts";
import type { Policy, Room } from "./policy.ts";
import { SlotList } from "./slot-list.ts";
import type { Slots } from "./slots.ts";

// The byte of an entry: its uses, 0 to 3, and whether it is in the main queue.
const usesMax = 3;
const inMain = 4;
const smallPart = 0.1;

/** The policy of that name. */
export class S3Fifo implements Policy {
  readonly #slots: Slots;
  readonly #small: SlotList;
  readonly #main: SlotList;
  readonly #ghosts: Ghosts;
  readonly #smallMax: number;

  constructor(slots: Slots, room: Room) {
    this.#slots = slots;
    this.#small = new SlotList(slots);
    this.#main = new SlotList(slots);
    this.#smallMax = Math.max(1, Math.floor(room.weightMax * smallPart));
    this.#ghosts = new Ghosts(ghostsFor(room.entries));
  }

  used(slot: number): void {
    const { mark } = this.#slots;
    const byte = mark[slot] ?? 0;
    if ((byte & usesMax) < usesMax) mark[slot] = byte + 1;
  }

  admitted(slot: number): void {
    const { hash, mark } = this.#slots;
    const isBack = this.#ghosts.take(hash[slot] ?? 0);
    mark[slot] = isBack ? inMain : 0;
    (isBack ? this.#main : this.#small).add(slot);
  }

  victim(): number {
    for (;;) {
      const slot =
        this.#small.weight >= this.#smallMax || this.#main.size === 0 ? this.#leaveSmall() : this.#leaveMain();
      if (slot !== undefined) return slot;
    }
  }

  removed(slot: number): void {
    this.#listOf(slot).remove(slot);
  }

  reweighed(slot: number, by: number): void {
    this.#listOf(slot).reweigh(by);
  }

  grown(length: number): void {
    this.#ghosts.grow(ghostsFor(length));
  }

  #listOf(slot: number): SlotList {
    return (this.#slots.mark[slot] ?? 0) >= inMain ? this.#main : this.#small;
  }

  #leaveSmall(): number | undefined {
    const { hash, mark } = this.#slots;
    const slot = this.#small.oldest;
    if (slot < 0) return this.#leaveMain();
    this.#small.remove(slot);
    if ((mark[slot] ?? 0) > 1) {
      mark[slot] = inMain;
      this.#main.add(slot);
      return undefined;
    }
    this.#ghosts.add(hash[slot] ?? 0);
    return slot;
  }

  /** The oldest goes, unless it was used since: then it is the newest again, with one use less. So at most three rounds. */
  #leaveMain(): number | undefined {
    const { mark } = this.#slots;
    const slot = this.#main.oldest;
    const byte = mark[slot] ?? inMain;
    if (byte === inMain) {
      this.#main.remove(slot);
      return slot;
    }
    mark[slot] = byte - 1;
    this.#main.renew(slot);
    return undefined;
  }
}

function ghostsFor(entries: number): number {
  return Math.max(1, entries - Math.floor(entries * smallPart));
}
