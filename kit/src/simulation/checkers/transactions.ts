import { cycleWith, graphOf } from "./cycles.ts";
import { dependencies, type Dependency } from "./dependencies.ts";
import { listHistory, readViolations } from "./list-versions.ts";
import { innerContradiction, type ListTransaction } from "./transaction.ts";
import type { Violation } from "./violation.ts";

/** The anomalies that cycles show, from the plainest to the subtlest. Serializable histories have none; snapshot isolation allows G2. */
export type CycleAnomaly = "G0" | "G1c" | "G-single" | "G2";

interface CycleRule {
  readonly anomaly: CycleAnomaly;
  /** The cycle holds one dependency of this kind … */
  readonly first: Dependency["kind"];
  /** … and otherwise only these. */
  readonly others: readonly Dependency["kind"][];
}

const cycleRules: readonly CycleRule[] = [
  { anomaly: "G0", first: "ww", others: ["ww"] },
  { anomaly: "G1c", first: "wr", others: ["ww", "wr"] },
  { anomaly: "G-single", first: "rw", others: ["ww", "wr"] },
  { anomaly: "G2", first: "rw", others: ["ww", "wr", "rw"] },
];

/**
 * Whether a history of list transactions is serializable, as far as its reads show: what single reads contradict (phantom, repeated,
 * incompatible order, internal, G1a, G1b), then cycles of dependencies. A cycle is reported under the first rule that it breaks, one
 * cycle a rule. Sources: A. Adya, "Weak Consistency", 1999; K. Kingsbury and P. Alvaro, "Elle", VLDB 2020 (lists as versions).
 * Cost: a breadth-first search for each read that was overwritten.
 */
export function checkTransactions(transactions: readonly ListTransaction[]): readonly Violation[] {
  const history = listHistory(transactions);
  const single = [...transactions.flatMap(inner), ...readViolations(history)];
  // Contents that contradict each other give no order to look for cycles in.
  if (single.length > 0) return single;
  return cycles(dependencies(history));
}

function inner(transaction: ListTransaction): readonly Violation[] {
  const wrong = transaction.status === "committed" ? innerContradiction(transaction) : undefined;
  if (wrong === undefined) return [];
  const message = `transaction ${transaction.id} reads in "${wrong.list}" something else than it read or wrote before`;
  return [{ rule: "transactions: internal", message, evidence: [transaction, wrong] }];
}

function cycles(all: readonly Dependency[]): readonly Violation[] {
  for (const { anomaly, first, others } of cycleRules) {
    const graph = graphOf(all, others);
    const shortest = all
      .filter(({ kind }) => kind === first)
      .map((dependency) => cycleWith(dependency, graph))
      .reduce((best, cycle) => ((cycle?.length ?? Infinity) < (best?.length ?? Infinity) ? cycle : best), undefined);
    if (shortest !== undefined)
      return [{ rule: `transactions: ${anomaly}`, message: shortest.map(stepText).join(", "), evidence: shortest }];
  }
  return [];
}

function stepText({ kind, from, to, list, value }: Dependency): string {
  const words = { ww: "is overwritten by", wr: "is read by", rw: "read what is overwritten by" } as const;
  return `${from.id} ${words[kind]} ${to.id} ("${value}" in "${list}")`;
}
