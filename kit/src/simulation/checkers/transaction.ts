/** A transaction over lists that only grow, as its client saw it. A list shows by what is in it who wrote before whom. */
export interface ListTransaction {
  readonly id: string;
  /** `unknown`: no answer was seen; it counts as committed when somebody read what it appended. */
  readonly status: "committed" | "aborted" | "unknown";
  readonly operations: readonly ListOperation[];
}

/** Appending a value, which nobody appends a second time to that list, or reading a whole list. */
export type ListOperation =
  | { readonly kind: "append"; readonly list: string; readonly value: string }
  | { readonly kind: "read"; readonly list: string; readonly values: readonly string[] };

/** What a transaction did to one list, seen from outside. */
export interface ListView {
  readonly list: string;
  /** What it found, without its own appends; `undefined` when it did not read. */
  readonly found: readonly string[] | undefined;
  readonly appended: readonly string[];
}

/** The views of a transaction, one a list; a view found is that of its first read. */
export function viewsOf({ operations }: ListTransaction): readonly ListView[] {
  return [...Map.groupBy(operations, ({ list }) => list)].map(([list, ofList]) => {
    const appended = ofList.flatMap((operation) => (operation.kind === "append" ? [operation.value] : []));
    const firstRead = ofList.findIndex(({ kind }) => kind === "read");
    const read = ofList[firstRead];
    // Own appends before the read are the tail of what was read.
    const found = read?.kind === "read" ? read.values.slice(0, Math.max(0, read.values.length - firstRead)) : undefined;
    return { list, found, appended };
  });
}

/** Whether the reads of a transaction agree with its own appends and with each other; else the operation that does not. */
export function innerContradiction({ operations }: ListTransaction): ListOperation | undefined {
  const known = new Map<string, { readonly from: "read" | "own"; readonly values: readonly string[] }>();
  for (const operation of operations) {
    const before = known.get(operation.list);
    if (operation.kind === "append") {
      const values = [...(before?.values ?? []), operation.value];
      known.set(operation.list, { from: before?.from ?? "own", values });
      continue;
    }
    const expected = before?.values ?? [];
    const shown = before?.from === "own" ? operation.values.slice(-expected.length) : operation.values;
    if (before !== undefined && !isSame(shown, expected)) return operation;
    known.set(operation.list, { from: "read", values: operation.values });
  }
  return undefined;
}

function isSame(left: readonly string[], right: readonly string[]): boolean {
  return left.length === right.length && left.every((value, index) => value === right[index]);
}
