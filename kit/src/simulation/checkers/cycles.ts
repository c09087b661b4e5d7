import type { Dependency } from "./dependencies.ts";
import type { ListTransaction } from "./transaction.ts";

type Graph = ReadonlyMap<ListTransaction, readonly Dependency[]>;

export function graphOf(dependencies: readonly Dependency[], kinds: readonly Dependency["kind"][]): Graph {
  return Map.groupBy(
    dependencies.filter(({ kind }) => kinds.includes(kind)),
    ({ from }) => from,
  );
}

/** A shortest cycle that begins with `first` and goes on in `graph`; `undefined` when there is none. */
export function cycleWith(first: Dependency, graph: Graph): readonly Dependency[] | undefined {
  const cameBy = new Map<ListTransaction, Dependency>();
  const waiting = [first.to];
  for (const at of waiting) {
    if (at === first.from) return [first, ...pathTo(first, cameBy)];
    for (const dependency of graph.get(at) ?? []) {
      if (dependency.to === first.to || cameBy.has(dependency.to)) continue;
      cameBy.set(dependency.to, dependency);
      waiting.push(dependency.to);
    }
  }
  return undefined;
}

function pathTo(first: Dependency, cameBy: ReadonlyMap<ListTransaction, Dependency>): readonly Dependency[] {
  const path: Dependency[] = [];
  for (let at = first.from; at !== first.to;) {
    const step = cameBy.get(at);
    if (step === undefined) break;
    path.unshift(step);
    at = step.from;
  }
  return path;
}
