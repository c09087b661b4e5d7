import type { BoundedMapOptions } from "./bounded-map.ts";
import { boundsOf, weigher } from "./bounded-map.ts";
import { SlotTable } from "./slot-table.ts";
import { widened } from "./slots.ts";
import { type TagCell, TagTable } from "./tag-table.ts";

/** A value to be kept, and for how long. Times are on the monotonic clock. */
export interface Kept<T> {
  readonly key: string;
  readonly value: T;
  readonly freshUntilMs: number;
  readonly staleUntilMs: number;
  /** From here on a read looks closer before it answers: `freshUntilMs`, or earlier. */
  readonly attentionAtMs: number;
  /** How long it took to load, for early refreshing. */
  readonly costMs: number;
  readonly tags: readonly string[];
  readonly version: number | undefined;
  /** {@link TagTable.stamp} when the load of the value began. */
  readonly stamp: number;
}

/** Why an entry left. `replaced` entries are not told. */
export type RemovalReason = "evicted" | "expired" | "invalidated";

/** What an entry is good for at a moment. */
export type Freshness = "fresh" | "stale" | "gone";

const noVersion = -Infinity;
/** Slots looked at with every insertion, in search of what is gone: so all are seen once in half as many insertions. */
const sweptAtOnce = 2;

/** Entries with their life, tags and versions. Reads, writes and invalidations of a key are O(1), of tags O(tags). No timers. */
export class EntryTable<T> {
  readonly tags: TagTable = new TagTable();
  readonly #table: SlotTable<string, T>;
  readonly #weigh: (value: T, key: string) => number;
  readonly #removed: (key: string, value: T, reason: RemovalReason) => void;
  #attentionAt = new Float64Array(1);
  #freshUntil = new Float64Array(1);
  #staleUntil = new Float64Array(1);
  #version = new Float64Array(1);
  #stamp = new Float64Array(1);
  #cost = new Float32Array(1);
  readonly #cells: (readonly TagCell[] | undefined)[] = [];
  #hand = 0;

  constructor(room: BoundedMapOptions<string, T>, removed: (key: string, value: T, reason: RemovalReason) => void) {
    this.#removed = removed;
    this.#weigh = weigher(room);
    this.#table = new SlotTable(boundsOf(room), (slot) => this.#left(slot, "evicted"));
  }

  get size(): number {
    return this.#table.size;
  }

  get weight(): number {
    return this.#table.weight;
  }

  /** The slot of a key, or -1. */
  find(key: string): number {
    return this.#table.find(key);
  }

  used(slot: number): void {
    this.#table.used(slot);
  }

  value(slot: number): T {
    return this.#table.values[slot] as T;
  }

  attentionAtMs(slot: number): number {
    return this.#attentionAt[slot] ?? 0;
  }

  /** Whether no tag of the entry was invalidated since. */
  isUntouched(slot: number): boolean {
    if (this.tags.stamp === 0) return true;
    const cells = this.#cells[slot];
    if (cells === undefined) return true;
    const stamp = this.#stamp[slot] ?? 0;
    for (const cell of cells) if (cell.hardAt > stamp || cell.softAt > stamp) return false;
    return true;
  }

  freshUntilMs(slot: number): number {
    return this.#freshUntil[slot] ?? 0;
  }

  staleUntilMs(slot: number): number {
    return this.#staleUntil[slot] ?? 0;
  }

  costMs(slot: number): number {
    return this.#cost[slot] ?? 0;
  }

  version(slot: number): number | undefined {
    const version = this.#version[slot] ?? noVersion;
    return version === noVersion ? undefined : version;
  }

  /** What the entry is good for; what tags have done to it meanwhile is done now. One that is gone is taken out. */
  freshness(slot: number, nowMs: number): Freshness {
    if (!this.isUntouched(slot) && this.#followTags(slot) === "gone") return "gone";
    if (nowMs < this.freshUntilMs(slot)) return "fresh";
    if (nowMs < this.staleUntilMs(slot)) return "stale";
    this.remove(slot, "expired");
    return "gone";
  }

  /** Reads look closer again only from then on. */
  pauseAttention(slot: number, untilMs: number): void {
    this.#attentionAt[slot] = untilMs;
  }

  /** `refused`: it is larger than all the room there is, or its life is over; then the key is not there afterwards. `outdated`: an entry
   *  with a larger version is there, and stays. */
  store(kept: Kept<T>, nowMs: number): "stored" | "refused" | "outdated" {
    const weight = this.#weigh(kept.value, kept.key);
    let slot = this.find(kept.key);
    if (slot >= 0 && (this.#version[slot] ?? noVersion) > (kept.version ?? Infinity)) return "outdated";
    if (kept.staleUntilMs <= nowMs) {
      if (slot >= 0) this.remove(slot, "expired");
      return "refused";
    }
    if (slot < 0) {
      this.#sweep(nowMs);
      slot = this.#table.insert(kept.key, kept.value, weight);
      if (slot < 0) return "refused";
    } else {
      this.#releaseTags(slot);
      if (!this.#table.replace(slot, kept.value, weight)) {
        if (this.find(kept.key) === slot) this.remove(slot, "evicted");
        return "refused";
      }
    }
    this.#write(slot, kept);
    return "stored";
  }

  /** No longer fresh from `nowMs` on; stale for as long as it would have been after its fresh time. */
  soften(slot: number, nowMs: number): void {
    const staleForMs = this.staleUntilMs(slot) - this.freshUntilMs(slot);
    if (this.freshUntilMs(slot) > nowMs) {
      this.#freshUntil[slot] = nowMs;
      this.#staleUntil[slot] = Math.min(this.staleUntilMs(slot), nowMs + staleForMs);
    }
    this.#attentionAt[slot] = -Infinity;
  }

  remove(slot: number, reason: RemovalReason): void {
    this.#left(slot, reason);
    this.#table.remove(slot);
  }

  /** O(entries). */
  forEach(visit: (slot: number, key: string) => void): void {
    const { keys, slots } = this.#table;
    for (let slot = 0; slot < slots.taken; slot++) {
      const key = keys[slot];
      if (key !== undefined) visit(slot, key);
    }
  }

  /** Takes out what is gone by its time. O(entries). */
  sweepAll(nowMs: number): number {
    let count = 0;
    this.forEach((slot) => {
      if (this.freshness(slot, nowMs) === "gone") count++;
    });
    return count;
  }

  #followTags(slot: number): "there" | "gone" {
    const stamp = this.#stamp[slot] ?? 0;
    for (const cell of this.#cells[slot] ?? [])
      if (cell.hardAt > stamp) {
        this.remove(slot, "invalidated");
        return "gone";
      } else if (cell.softAt > stamp) this.soften(slot, cell.softAtMs);
    this.#stamp[slot] = this.tags.stamp;
    return "there";
  }

  #write(slot: number, kept: Kept<T>): void {
    if (slot >= this.#attentionAt.length) this.#grow();
    this.#attentionAt[slot] = kept.attentionAtMs;
    this.#freshUntil[slot] = kept.freshUntilMs;
    this.#staleUntil[slot] = kept.staleUntilMs;
    this.#version[slot] = kept.version ?? noVersion;
    this.#stamp[slot] = kept.stamp;
    this.#cost[slot] = kept.costMs;
    this.#cells[slot] = this.tags.use(kept.tags);
  }

  #grow(): void {
    const { length } = this.#table.slots;
    this.#attentionAt = widened(this.#attentionAt, new Float64Array(length));
    this.#freshUntil = widened(this.#freshUntil, new Float64Array(length));
    this.#staleUntil = widened(this.#staleUntil, new Float64Array(length));
    this.#version = widened(this.#version, new Float64Array(length));
    this.#stamp = widened(this.#stamp, new Float64Array(length));
    this.#cost = widened(this.#cost, new Float32Array(length));
  }

  #sweep(nowMs: number): void {
    const { keys, slots } = this.#table;
    for (let count = 0; count < sweptAtOnce && slots.taken > 0; count++) {
      this.#hand = (this.#hand + 1) % slots.taken;
      if (keys[this.#hand] !== undefined && nowMs >= this.staleUntilMs(this.#hand)) this.remove(this.#hand, "expired");
    }
  }

  #left(slot: number, reason: RemovalReason): void {
    this.#releaseTags(slot);
    const key = this.#table.keys[slot];
    if (key !== undefined) this.#removed(key, this.value(slot), reason);
  }

  #releaseTags(slot: number): void {
    const cells = this.#cells[slot];
    if (cells !== undefined) this.tags.release(cells);
    this.#cells[slot] = undefined;
  }
}
