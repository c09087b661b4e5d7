import type { ListHistory } from "./list-versions.ts";
import type { ListTransaction } from "./transaction.ts";

/** Why one transaction comes before another: it wrote what the other overwrote (ww), wrote what the other read (wr), or read
 *  what the other overwrote (rw). */
export interface Dependency {
  readonly kind: "ww" | "wr" | "rw";
  readonly from: ListTransaction;
  readonly to: ListTransaction;
  readonly list: string;
  /** The value that shows it: that of `to` for ww and rw, that of `from` for wr. */
  readonly value: string;
}

/** The direct dependencies among transactions that took effect (Adya), as the contents of the lists show them. */
export function dependencies(history: ListHistory): readonly Dependency[] {
  return [...history.writers.keys()].flatMap((list) => ofList(history, list));
}

interface Version {
  readonly value: string;
  readonly writer: ListTransaction;
}

function ofList(history: ListHistory, list: string): readonly Dependency[] {
  const { known, behind } = versionsOf(history, list);
  const found: Dependency[] = [];
  const add = (kind: Dependency["kind"], from: Version | ListTransaction, to: Version | ListTransaction): void => {
    const [source, target] = [transactionOf(from), transactionOf(to)];
    const shown = kind === "wr" ? from : to;
    if (source !== target)
      found.push({ kind, from: source, to: target, list, value: "value" in shown ? shown.value : "" });
  };
  for (const [index, version] of known.entries()) {
    const before = known[index - 1];
    if (before !== undefined) add("ww", before, version);
  }
  const last = known.at(-1);
  if (last !== undefined) for (const version of behind) add("ww", last, version);
  for (const [reader, views] of history.views) {
    if (reader.status !== "committed") continue;
    for (const view of views) {
      if (view.list !== list || view.found === undefined) continue;
      const from = known[view.found.length - 1];
      if (from !== undefined) add("wr", from, reader);
      const next = known[view.found.length];
      for (const version of next === undefined ? behind : [next]) add("rw", reader, version);
    }
  }
  return found;
}

/** `known`: in the order that the longest read shows. `behind`: committed and read by nobody, hence after all of those. */
function versionsOf(
  history: ListHistory,
  list: string,
): { readonly known: readonly Version[]; readonly behind: readonly Version[] } {
  const writers = history.writers.get(list) ?? new Map<string, ListTransaction>();
  const longest = history.longest.get(list) ?? [];
  const isKnown = new Set(longest);
  const known = longest.flatMap((value) => {
    const writer = writers.get(value);
    return writer === undefined ? [] : [{ value, writer }];
  });
  const behind = [...writers].flatMap(([value, writer]) =>
    writer.status === "committed" && !isKnown.has(value) ? [{ value, writer }] : [],
  );
  return { known, behind };
}

function transactionOf(of: Version | ListTransaction): ListTransaction {
  return "writer" in of ? of.writer : of;
}
