import { type ListTransaction, type ListView, viewsOf } from "./transaction.ts";
import type { Violation } from "./violation.ts";

/** What a history of list transactions says about each list. */
export interface ListHistory {
  readonly transactions: readonly ListTransaction[];
  readonly views: ReadonlyMap<ListTransaction, readonly ListView[]>;
  /** Who appended a value: by list and value. */
  readonly writers: ReadonlyMap<string, ReadonlyMap<string, ListTransaction>>;
  /** The longest content that a committed transaction found in a list. */
  readonly longest: ReadonlyMap<string, readonly string[]>;
}

/** Puts a history in order. Only what committed transactions read counts. */
export function listHistory(transactions: readonly ListTransaction[]): ListHistory {
  const views = new Map(transactions.map((transaction) => [transaction, viewsOf(transaction)]));
  const writers = new Map<string, Map<string, ListTransaction>>();
  const longest = new Map<string, readonly string[]>();
  for (const [transaction, ofOne] of views)
    for (const { list, found, appended } of ofOne) {
      const ofList = writers.get(list) ?? new Map<string, ListTransaction>();
      writers.set(list, ofList);
      for (const value of appended) ofList.set(value, transaction);
      if (transaction.status !== "committed" || found === undefined) continue;
      if (found.length > (longest.get(list)?.length ?? -1)) longest.set(list, found);
    }
  return { transactions, views, writers, longest };
}

/** What single reads show: values that nobody wrote, or an aborted transaction wrote (G1a), the middle of another transaction (G1b),
 *  repeated values, and contents of one list of which none is the beginning of the other. */
export function readViolations(history: ListHistory): readonly Violation[] {
  return history.transactions
    .filter(({ status }) => status === "committed")
    .flatMap((reader) =>
      (history.views.get(reader) ?? []).flatMap((view) =>
        view.found === undefined ? [] : violationsOf(history, { reader, list: view.list, found: view.found }),
      ),
    );
}

interface FoundList {
  readonly reader: ListTransaction;
  readonly list: string;
  readonly found: readonly string[];
}

function violationsOf(history: ListHistory, { reader, list, found }: FoundList): readonly Violation[] {
  const writers = history.writers.get(list);
  const broken = (rule: string, message: string, ...evidence: readonly unknown[]): Violation => {
    return { rule, message: `transaction ${reader.id}, list "${list}": ${message}`, evidence: [reader, ...evidence] };
  };
  const violations: Violation[] = [];
  for (const value of found) {
    const writer = writers?.get(value);
    if (writer === undefined) violations.push(broken("transactions: phantom", `"${value}" was written by nobody`));
    else if (writer.status === "aborted")
      violations.push(broken("transactions: G1a", `read "${value}" of an aborted transaction`, writer));
  }
  const last = found.at(-1);
  const lastWriter = last === undefined ? undefined : writers?.get(last);
  if (lastWriter !== undefined && lastWriter !== reader) {
    const whole = history.views.get(lastWriter)?.find((view) => view.list === list)?.appended ?? [];
    if (whole.at(-1) !== last)
      violations.push(broken("transactions: G1b", `read "${last}", which its writer overwrote`, lastWriter));
  }
  if (new Set(found).size < found.length) violations.push(broken("transactions: repeated", "holds a value twice"));
  const longest = history.longest.get(list) ?? [];
  if (found.some((value, index) => value !== longest[index]))
    violations.push(broken("transactions: incompatible order", `is no beginning of ${JSON.stringify(longest)}`));
  return violations;
}
