import { compareText } from "../text-order.ts";

/**
 * Names in order for scans by page. Adding is O(1): new names are merged in at the next scan, O(n + k log k); those that are gone
 * are skipped by the caller and forgotten at a merge. A tree would make scans cheaper and every write dearer.
 */
export class SortedNames {
  #sorted: string[] = [];
  #added: string[] = [];

  add(name: string): void {
    this.#added.push(name);
  }

  /** Names from behind `after` that begin with `prefix`, in order; `exists` says which ones are still there. */
  *from(after: string | undefined, prefix: string, exists: (name: string) => boolean): Generator<string> {
    this.#merge(exists);
    const names = this.#sorted;
    for (let index = firstFrom(names, prefix, after); index < names.length; index++) {
      const name = names[index];
      if (name === undefined || !name.startsWith(prefix)) return;
      yield name;
    }
  }

  #merge(exists: (name: string) => boolean): void {
    if (this.#added.length === 0) return;
    const fresh = this.#added.toSorted(compareText);
    const merged: string[] = [];
    let at = 0;
    for (const name of this.#sorted) {
      for (let next = fresh[at]; next !== undefined && compareText(next, name) < 0; next = fresh[++at])
        push(merged, next);
      push(merged, name);
    }
    for (; at < fresh.length; at++) push(merged, fresh[at]);
    this.#sorted = merged.filter(exists);
    this.#added = [];
  }
}

/** A name that was removed and added again is listed once. */
function push(names: string[], name: string | undefined): void {
  if (name !== undefined && names.at(-1) !== name) names.push(name);
}

/** Index of the first name that is behind `after` and not before `prefix`. */
function firstFrom(names: readonly string[], prefix: string, after: string | undefined): number {
  let low = 0;
  let high = names.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    const name = names[middle] ?? "";
    const isBefore = compareText(name, prefix) < 0 || (after !== undefined && compareText(name, after) <= 0);
    if (isBefore) low = middle + 1;
    else high = middle;
  }
  return low;
}
