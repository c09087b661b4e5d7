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
  readonly #free: number[] = [];
  readonly #keysMax: number;
  readonly #tidiedFrom: number;
  /** Goes round the map, which keeps its order and bears changes meanwhile: a list of the keys beside it would take 11 bytes a key. */
  #hand = this.#slots.entries();
  #slotsMade = 0;
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
    const slot = this.#slots.get(key);
    if (slot === undefined) return this.#takeFirst(key, nowUs, ask);
    this.#taken = slot;
    return this.algorithm.takeIfFits(slot, nowUs, ask);
  }

  get level(): number {
    return this.algorithm.level(this.#taken);
  }

  get shift(): number {
    return this.algorithm.shift(this.#taken);
  }

  /** A key that is refused takes no place. */
  #takeFirst(key: string, nowUs: number, ask: Ask): number {
    const waitUs = this.algorithm.waitUs(0, nowUs, ask);
    if (waitUs !== 0) return waitUs;
    this.#taken = this.#add(key, nowUs);
    this.algorithm.take(this.#taken, nowUs, ask);
    return 0;
  }

  #add(key: string, nowUs: number): number {
    if (this.#slots.size >= this.#tidiedFrom) this.#look(nowUs);
    const slot = this.#free.pop() ?? ++this.#slotsMade;
    this.#cells.reserve(slot + 1);
    this.#slots.set(key, slot);
    return slot;
  }

  /** Drops keys that have recovered; of a full table the one, among those looked at, that will have first. */
  #look(nowUs: number): void {
    const isFull = this.#slots.size >= this.#keysMax;
    let victim: string | undefined;
    let victimIdleAtUs = Infinity;
    for (let look = isFull ? looksWhenFull : looksPerKey; look > 0; look--) {
      const [key, slot] = this.#next();
      const idleAtUs = this.algorithm.idleAtUs(slot);
      if (idleAtUs <= nowUs) this.#drop(key);
      else if (idleAtUs < victimIdleAtUs) [victim, victimIdleAtUs] = [key, idleAtUs];
    }
    if (this.#slots.size >= this.#keysMax && victim !== undefined) this.#drop(victim);
  }

  #next(): readonly [string, number] {
    const step = this.#hand.next();
    if (step.done !== true) return step.value;
    this.#hand = this.#slots.entries();
    return this.#hand.next().value ?? ["", 0];
  }

  #drop(key: string): void {
    const slot = this.#slots.get(key);
    if (slot === undefined) return;
    this.#slots.delete(key);
    this.algorithm.clear(slot);
    this.#free.push(slot);
  }
}
