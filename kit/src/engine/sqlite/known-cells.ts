/** What is known of a cell: no version when it is not there. */
export interface KnownCell {
  version: number | undefined;
  expiresAtMs: number | undefined;
}

/**
 * Keeps at least the `size` cells used last and at most twice as many, in two generations as {@link RecentMap} does. By space first: the
 * texts of its keys need not be joined.
 */
export class KnownCells {
  readonly #size: number;
  #young = new Map<string, Map<string, KnownCell>>();
  #old = new Map<string, Map<string, KnownCell>>();
  #count = 0;

  constructor(size: number) {
    this.#size = size;
  }

  get(space: string, key: string): KnownCell | undefined {
    if (this.#young.size + this.#old.size === 0) return undefined;
    const young = this.#young.get(space)?.get(key);
    if (young !== undefined) return young;
    const old = this.#old.get(space)?.get(key);
    if (old !== undefined) this.add(space, key, old);
    return old;
  }

  add(space: string, key: string, cell: KnownCell): void {
    let cells = this.#young.get(space);
    if (cells === undefined) this.#young.set(space, (cells = new Map()));
    cells.set(key, cell);
    if (++this.#count < this.#size) return;
    this.#old = this.#young;
    this.#young = new Map();
    this.#count = 0;
  }

  forget(): void {
    this.#young.clear();
    this.#old.clear();
    this.#count = 0;
  }
}
