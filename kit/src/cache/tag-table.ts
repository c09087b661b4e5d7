import { boundedMap } from "./bounded-map.ts";

/** A tag that entries carry. Invalidating it is a change of two numbers here, however many entries carry it. */
export interface TagCell {
  readonly tag: string;
  /** Entries that point here. */
  uses: number;
  /** Number of the last hard and soft invalidation; entries with a smaller stamp are meant. 0: never. */
  hardAt: number;
  softAt: number;
  softAtMs: number;
}

// Invalidations of tags that no entry carries matter to loads that were running then; so many are remembered singly.
const unusedMax = 1_024;

/**
 * The invalidations of tags, in one order with everything else that has a stamp. Bounded by the entries: a tag that no entry carries is
 * forgotten, save the last 1,024 that were invalidated; a load that began before what was forgotten is refused if it brings tags.
 */
export class TagTable {
  readonly #cells = new Map<string, TagCell>();
  readonly #unused = boundedMap<string, TagCell>({
    entries: unusedMax,
    policy: "fifo",
    onEvicted: (tag, { hardAt, softAt }) => {
      this.#cells.delete(tag);
      this.#forgottenAt = Math.max(this.#forgottenAt, hardAt, softAt);
    },
  });
  #stamp = 0;
  #forgottenAt = 0;

  /** The number of the last invalidation of any kind. */
  get stamp(): number {
    return this.#stamp;
  }

  get size(): number {
    return this.#cells.size;
  }

  invalidate(tags: readonly string[], mode: "hard" | "soft", nowMs: number): void {
    const stamp = ++this.#stamp;
    for (const tag of tags) {
      const cell = this.#cell(tag);
      if (mode === "hard") cell.hardAt = stamp;
      else {
        cell.softAt = stamp;
        cell.softAtMs = nowMs;
      }
      if (cell.uses === 0) this.#keepUnused(cell);
    }
  }

  /** Whether nothing that began at `stamp` and carries these tags has been invalidated since. */
  holds(tags: readonly string[], stamp: number): boolean {
    if (tags.length === 0) return true;
    if (stamp < this.#forgottenAt) return false;
    return tags.every((tag) => {
      const cell = this.#cells.get(tag);
      return cell === undefined || (cell.hardAt <= stamp && cell.softAt <= stamp);
    });
  }

  /** For an entry that is stored; given back when it leaves. */
  use(tags: readonly string[]): readonly TagCell[] | undefined {
    if (tags.length === 0) return undefined;
    return [...new Set(tags)].map((tag) => {
      const cell = this.#cell(tag);
      cell.uses++;
      this.#unused.delete(tag);
      return cell;
    });
  }

  release(cells: readonly TagCell[]): void {
    for (const cell of cells) {
      cell.uses--;
      if (cell.uses > 0) continue;
      if (Math.max(cell.hardAt, cell.softAt) === 0) this.#cells.delete(cell.tag);
      else this.#keepUnused(cell);
    }
  }

  #cell(tag: string): TagCell {
    const known = this.#cells.get(tag);
    if (known !== undefined) return known;
    const cell: TagCell = { tag, uses: 0, hardAt: 0, softAt: 0, softAtMs: 0 };
    this.#cells.set(tag, cell);
    return cell;
  }

  #keepUnused(cell: TagCell): void {
    this.#unused.delete(cell.tag);
    this.#unused.set(cell.tag, cell);
  }
}
