// The policies once more, as plainly as possible: arrays, oldest first, searched from end to end.
import { FrequencySketch } from "./frequency-sketch.ts";
import { hashOf } from "./key-hash.ts";
import type { PolicyName } from "./policy.ts";
import { WindowClimber } from "./window-climber.ts";

export interface ModelEntry {
  readonly key: string;
  weight: number;
  uses: number;
}

/** The order of one policy. Room has been made before an entry is added. */
export interface Model {
  use(entry: ModelEntry): void;
  add(entry: ModelEntry): void;
  victim(): ModelEntry;
  remove(entry: ModelEntry): void;
}

function take<T>(from: T[], item: T | undefined): T {
  const index = item === undefined ? -1 : from.indexOf(item);
  if (item === undefined || index < 0) throw new Error("the model has lost an entry");
  from.splice(index, 1);
  return item;
}

const weightOf = (entries: readonly ModelEntry[]): number => entries.reduce((sum, { weight }) => sum + weight, 0);

class Queue implements Model {
  readonly entries: ModelEntry[] = [];
  readonly #renews: (entries: ModelEntry[], entry: ModelEntry) => void;

  constructor(renews: (entries: ModelEntry[], entry: ModelEntry) => void) {
    this.#renews = renews;
  }

  use(entry: ModelEntry): void {
    this.#renews(this.entries, entry);
  }

  add(entry: ModelEntry): void {
    this.entries.push(entry);
  }

  victim(): ModelEntry {
    return take(this.entries, this.entries[0]);
  }

  remove(entry: ModelEntry): void {
    take(this.entries, entry);
  }
}

class LeastFrequent extends Queue {
  constructor() {
    super((entries, entry) => {
      entry.uses++;
      entries.push(take(entries, entry)); // in the order in which they reached their counts
    });
  }

  override add(entry: ModelEntry): void {
    entry.uses = 1;
    super.add(entry);
  }

  override victim(): ModelEntry {
    const least = Math.min(...this.entries.map(({ uses }) => uses));
    return take(
      this.entries,
      this.entries.find(({ uses }) => uses === least),
    );
  }
}

class TwoQueues implements Model {
  readonly #small: ModelEntry[] = [];
  readonly #main: ModelEntry[] = [];
  #ghosts: (string | undefined)[] = [];
  readonly #smallMax: number;
  readonly #ghostsMax: number;

  constructor(weightMax: number, entries: number) {
    this.#smallMax = Math.max(1, Math.floor(weightMax / 10));
    this.#ghostsMax = Math.max(1, entries - Math.floor(entries / 10));
  }

  use(entry: ModelEntry): void {
    entry.uses = Math.min(3, entry.uses + 1);
  }

  add(entry: ModelEntry): void {
    entry.uses = 0;
    const isBack = this.#ghosts.includes(entry.key);
    this.#ghosts = this.#ghosts.map((key) => (key === entry.key ? undefined : key));
    (isBack ? this.#main : this.#small).push(entry);
  }

  victim(): ModelEntry {
    for (;;) {
      const isSmall = weightOf(this.#small) >= this.#smallMax || this.#main.length === 0;
      if (isSmall && this.#small.length > 0) {
        const entry = take(this.#small, this.#small[0]);
        if (entry.uses <= 1) {
          this.#ghosts = [...this.#ghosts, entry.key].slice(-this.#ghostsMax);
          return entry;
        }
        entry.uses = 0;
        this.#main.push(entry);
      } else {
        const entry = take(this.#main, this.#main[0]);
        if (entry.uses === 0) return entry;
        entry.uses--;
        this.#main.push(entry);
      }
    }
  }

  remove(entry: ModelEntry): void {
    take(this.#small.includes(entry) ? this.#small : this.#main, entry);
  }
}

class WindowAndMain implements Model {
  readonly #window: ModelEntry[] = [];
  readonly #probation: ModelEntry[] = [];
  readonly #proven: ModelEntry[] = [];
  readonly #weightMax: number;
  readonly #sketch: FrequencySketch;
  readonly #climber: WindowClimber;

  constructor(weightMax: number, entries: number) {
    this.#weightMax = weightMax;
    this.#sketch = new FrequencySketch(entries);
    this.#climber = new WindowClimber({ weightMax, entries });
  }

  use(entry: ModelEntry): void {
    this.#sketch.count(hashOf(entry.key));
    if (this.#probation.includes(entry)) {
      this.#proven.push(take(this.#probation, entry));
      this.#demote();
    } else {
      const list = this.#window.includes(entry) ? this.#window : this.#proven;
      list.push(take(list, entry));
    }
    if (this.#climber.record("hit")) this.#demote();
  }

  add(entry: ModelEntry): void {
    this.#sketch.count(hashOf(entry.key));
    this.#window.push(entry);
    while (weightOf(this.#window) > this.#climber.windowMax && this.#window.length > 1)
      this.#probation.push(take(this.#window, this.#window[0]));
    if (this.#climber.record("miss")) this.#demote();
  }

  victim(): ModelEntry {
    const candidate = this.#window[0];
    const main = this.#probation.length > 0 ? this.#probation : this.#proven;
    const holder = main[0];
    if (holder === undefined) return take(this.#window, candidate);
    if (candidate === undefined || weightOf(this.#window) < this.#climber.windowMax) return take(main, holder);
    if (this.#sketch.of(hashOf(candidate.key)) <= this.#sketch.of(hashOf(holder.key)))
      return take(this.#window, candidate);
    take(main, holder);
    this.#probation.push(take(this.#window, candidate));
    return holder;
  }

  remove(entry: ModelEntry): void {
    const lists = [this.#window, this.#probation, this.#proven];
    take(lists.find((list) => list.includes(entry)) ?? [], entry);
  }

  #demote(): void {
    const provenMax = (this.#weightMax - this.#climber.windowMax) * 0.8;
    while (weightOf(this.#proven) > provenMax && this.#proven.length > 1)
      this.#probation.push(take(this.#proven, this.#proven[0]));
  }
}

function modelOf(policy: PolicyName, weightMax: number, entries: number): Model {
  switch (policy) {
    case "fifo":
      return new Queue(() => undefined);
    case "lru":
      return new Queue((list, entry) => list.push(take(list, entry)));
    case "lfu":
      return new LeastFrequent();
    case "s3-fifo":
      return new TwoQueues(weightMax, entries);
    case "w-tiny-lfu":
      return new WindowAndMain(weightMax, entries);
    default:
      throw new Error(`unknown policy ${policy satisfies never}`);
  }
}

/** A bounded map with a model for its policy. */
export class ModelMap {
  readonly entries = new Map<string, ModelEntry>();
  readonly #model: Model;
  readonly #weightMax: number;

  constructor(policy: PolicyName, weightMax: number, entries: number) {
    this.#model = modelOf(policy, weightMax, entries);
    this.#weightMax = weightMax;
  }

  get(key: string): boolean {
    const entry = this.entries.get(key);
    if (entry !== undefined) this.#model.use(entry);
    return entry !== undefined;
  }

  set(key: string, weight: number): "stored" | "refused" {
    const present = this.entries.get(key);
    if (weight > this.#weightMax) {
      this.delete(key);
      return "refused";
    }
    if (present !== undefined) {
      present.weight = weight;
      this.#model.use(present);
      this.#makeRoom(0);
      return this.entries.has(key) ? "stored" : "refused";
    }
    this.#makeRoom(weight);
    const entry = { key, weight, uses: 0 };
    this.entries.set(key, entry);
    this.#model.add(entry);
    return "stored";
  }

  delete(key: string): boolean {
    const entry = this.entries.get(key);
    if (entry !== undefined) this.#model.remove(entry);
    return this.entries.delete(key);
  }

  #makeRoom(weight: number): void {
    while (weightOf([...this.entries.values()]) + weight > this.#weightMax)
      this.entries.delete(this.#model.victim().key);
  }
}
