import type { Entries, Entry } from "../entries.ts";

interface List {
  total: number;
  lastUntilUs: number;
  readonly entries: Map<string, Entry>;
}

/** Entries in maps, which keep the order of insertion. A list lives as long as its key. */
export class MemoryEntries implements Entries {
  readonly #lists = new Map<number, List>();

  total(slot: number, nowUs: number): number {
    const list = this.#lists.get(slot);
    if (list === undefined) return 0;
    for (const entry of list.entries.values()) {
      if (entry.untilUs > nowUs) break;
      this.remove(slot, entry.id);
    }
    return list.total;
  }

  endOf(slot: number, weight: number): number {
    let ended = 0;
    for (const entry of this.#lists.get(slot)?.entries.values() ?? []) {
      ended += entry.weight;
      if (ended >= weight) return entry.untilUs;
    }
    return this.lastUntilUs(slot);
  }

  add(slot: number, entry: Entry): void {
    this.remove(slot, entry.id);
    const list = this.#listOf(slot);
    list.total += entry.weight;
    list.lastUntilUs = entry.untilUs;
    list.entries.set(entry.id, entry);
  }

  remove(slot: number, id: string): number | undefined {
    const list = this.#lists.get(slot);
    const entry = list?.entries.get(id);
    if (list === undefined || entry === undefined) return undefined;
    list.entries.delete(id);
    // Sums of fractions miss by a few units in the last place.
    list.total = list.entries.size === 0 ? 0 : list.total - entry.weight;
    return entry.weight;
  }

  lastUntilUs(slot: number): number {
    const list = this.#lists.get(slot);
    return list === undefined || list.entries.size === 0 ? 0 : list.lastUntilUs;
  }

  clear(slot: number): void {
    this.#lists.delete(slot);
  }

  #listOf(slot: number): List {
    const known = this.#lists.get(slot);
    if (known !== undefined) return known;
    const made: List = { total: 0, lastUntilUs: 0, entries: new Map() };
    this.#lists.set(slot, made);
    return made;
  }
}
