// W-TinyLFU: newcomers pass through a window (least recently used); who leaves it stays only if the sketch has seen it more often
// than the entry that would have to go from the main part, which is divided into those on probation and those proven there.
// How large the window is decides between recency and frequency; it climbs towards the better ratio of hits.
// Source: Einziger, Friedman and Manes, ACM ToS 2017; Einziger, Eytan, Friedman and Manes, "Adaptive software cache management", 2018.
import { FrequencySketch } from "./frequency-sketch.ts";
import type { Policy, Room } from "./policy.ts";
import { SlotList } from "./slot-list.ts";
import { none, type Slots } from "./slots.ts";
import { WindowClimber } from "./window-climber.ts";

const window = 0;
const probation = 1;
const proven = 2;
const provenPart = 0.8;

/** The policy of that name. */
export class WTinyLfu implements Policy {
  readonly #slots: Slots;
  readonly #weightMax: number;
  readonly #lists: readonly [SlotList, SlotList, SlotList];
  readonly #sketch: FrequencySketch;
  readonly #climber: WindowClimber;
  #windowMax: number;

  constructor(slots: Slots, room: Room) {
    this.#slots = slots;
    this.#weightMax = room.weightMax;
    this.#lists = [new SlotList(slots), new SlotList(slots), new SlotList(slots)];
    this.#sketch = new FrequencySketch(room.entries);
    this.#climber = new WindowClimber(room);
    this.#windowMax = this.#climber.windowMax;
  }

  used(slot: number): void {
    const { hash, mark } = this.#slots;
    this.#sketch.count(hash[slot] ?? 0);
    const at = mark[slot] ?? window;
    if (at === probation) {
      this.#move(slot, proven);
      this.#demote();
    } else this.#list(at).renew(slot);
    this.#climb("hit");
  }

  admitted(slot: number): void {
    this.#sketch.count(this.#slots.hash[slot] ?? 0);
    this.#slots.mark[slot] = window;
    this.#lists[window].add(slot);
    while (this.#lists[window].weight > this.#windowMax && this.#lists[window].size > 1)
      this.#move(this.#lists[window].oldest, probation);
    this.#climb("miss");
  }

  /** The newcomer that is about to come would push the oldest out of a full window: the contest takes place before. */
  victim(): number {
    const candidate = this.#lists[window].oldest;
    const holder = this.#lists[probation].size > 0 ? this.#lists[probation].oldest : this.#lists[proven].oldest;
    if (holder === none) return this.#out(candidate);
    if (candidate === none || this.#lists[window].weight < this.#windowMax) return this.#out(holder);
    const { hash } = this.#slots;
    if (this.#sketch.of(hash[candidate] ?? 0) <= this.#sketch.of(hash[holder] ?? 0)) return this.#out(candidate);
    this.#move(candidate, probation);
    return this.#out(holder);
  }

  removed(slot: number): void {
    this.#list(this.#slots.mark[slot] ?? window).remove(slot);
  }

  reweighed(slot: number, by: number): void {
    this.#list(this.#slots.mark[slot] ?? window).reweigh(by);
  }

  grown(length: number): void {
    this.#sketch.grow(length);
    this.#climber.grow(length);
  }

  #list(at: number): SlotList {
    return at === window ? this.#lists[window] : at === probation ? this.#lists[probation] : this.#lists[proven];
  }

  #move(slot: number, to: 1 | 2): void {
    this.removed(slot);
    this.#slots.mark[slot] = to;
    this.#lists[to].add(slot);
  }

  #out(slot: number): number {
    this.removed(slot);
    return slot;
  }

  #demote(): void {
    const provenMax = (this.#weightMax - this.#windowMax) * provenPart;
    while (this.#lists[proven].weight > provenMax && this.#lists[proven].size > 1)
      this.#move(this.#lists[proven].oldest, probation);
  }

  #climb(outcome: "hit" | "miss"): void {
    if (!this.#climber.record(outcome)) return;
    this.#windowMax = this.#climber.windowMax;
    this.#demote();
  }
}
