import type { Algorithm, Ask } from "../algorithm.ts";
import { Cells } from "../cells.ts";
import { algorithmOf, type Keys } from "../judge.ts";
import type { Rule } from "../rule.ts";
import type { Shelf } from "../store.ts";
import { MemoryEntries } from "./memory-entries.ts";

const slotsAtFirst = 64;
// A new key looks at so many old ones, one after another round the table: at two a key those that have recovered are gone before the table
// has grown by half, and no timer is needed; a full table looks at more, to find a victim that has nearly recovered.
const looksPerKey = 2;
const looksWhenFull = 16;
/** Keys that a table keeps without looking for what has recovered: fewer are not worth it, and to forget a key and know it anew costs twice a take. */
const keysUntidied = 1_024;

/** The keys of one rule: a map to numbered slots, the states in one array. Bounded by `keysMax`. */
export class MemoryKeys implements Keys, Shelf {
  readonly algorithm: Algorithm;
  readonly #cells = new Cells(slotsAtFirst);
  readonly #slots = new Map<string, number>();
  readonly #names: (string | undefined)[] = [undefined];
  readonly #free: number[] = [];
  readonly #keysMax: number;
  readonly #tidiedFrom: number;
  #hand = 0;
  #taken = 0;

  constructor(rule: Rule, keysMax: number) {
    this.algorithm = algorithmOf(rule, this.#cells, new MemoryEntries());
    this.#keysMax = keysMax;
    this.#tidiedFrom = Math.min(keysMax, keysUntidied);
  }

  get size(): number {
    return this.#slots.size;
  }

  find(key: string): number {
    return this.#slots.get(key) ?? 0;
  }

  claim(key: string, nowUs: number): number {
    return this.#slots.get(key) ?? this.#add(key, nowUs);
  }

  take(key: string, nowUs: number, ask: Ask): number {
    const slot = this.#slots.get(key) ?? 0;
    const waitUs = this.algorithm.waitUs(slot, nowUs, ask);
    if (waitUs !== 0) return waitUs;
    this.#taken = slot === 0 ? this.#add(key, nowUs) : slot;
    this.algorithm.take(this.#taken, nowUs, ask);
    return 0;
  }

  get level(): number {
    return this.algorithm.level(this.#taken);
  }

  get shift(): number {
    return this.algorithm.shift(this.#taken);
  }

  #add(key: string, nowUs: number): number {
    if (this.#slots.size >= this.#tidiedFrom) this.#look(nowUs);
    const slot = this.#free.pop() ?? this.#names.length;
    this.#cells.reserve(slot + 1);
    this.#names[slot] = key;
    this.#slots.set(key, slot);
    return slot;
  }

  /** Drops keys that have recovered; of a full table the one, among those looked at, that will have first. */
  #look(nowUs: number): void {
    const isFull = this.#slots.size >= this.#keysMax;
    let victim = 0;
    let victimIdleAtUs = Infinity;
    for (let look = isFull ? looksWhenFull : looksPerKey; look > 0; look--) {
      this.#hand = this.#hand + 1 >= this.#names.length ? 1 : this.#hand + 1;
      if (this.#names[this.#hand] === undefined) continue;
      const idleAtUs = this.algorithm.idleAtUs(this.#hand);
      if (idleAtUs <= nowUs) this.#drop(this.#hand);
      else if (idleAtUs < victimIdleAtUs) [victim, victimIdleAtUs] = [this.#hand, idleAtUs];
    }
    if (this.#slots.size >= this.#keysMax && victim !== 0) this.#drop(victim);
  }

  #drop(slot: number): void {
    const name = this.#names[slot];
    if (name === undefined) return;
    this.#slots.delete(name);
    this.#names[slot] = undefined;
    this.algorithm.clear(slot);
    this.#free.push(slot);
  }
}
