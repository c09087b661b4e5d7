const keptMax = 10;

/** What an audit finds wrong, by kind; at most ten of each, for people. */
export class FaultsFound {
  readonly #found = new Map<string, string[]>();

  add(kind: string, detail: string): void {
    const known = this.#found.get(kind) ?? [];
    this.#found.set(kind, known);
    if (known.length < keptMax) known.push(detail);
  }

  /** As it is answered. */
  record(): Record<string, string[]> {
    return Object.fromEntries(this.#found);
  }
}
