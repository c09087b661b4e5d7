import { canonicalJson } from "../../codec/mod.ts";
import { integerIn } from "../../errors/mod.ts";
import type { Operation } from "./operation.ts";
import { entriesOf, isCall, lift, type Entry, unlift } from "./operation-entries.ts";
import type { Violation } from "./violation.ts";

/**
 * Whether concurrent calls can be explained by some order in which each took effect at one moment between its invocation and its
 * answer (Herlihy and Wing). Depth-first over the orders that real time allows, and never twice from the same pair of calls
 * that took effect and state they led to. Source: Wing and Gong, "Testing and Verifying Concurrent Objects", 1993;
 * G. Lowe, "Testing for linearizability", 2017 (the memory of configurations). Cost: linear where few calls overlap,
 * exponential in the number that do; hence keys are checked apart, which linearizability allows.
 */

/** What the object does when calls come one by one. */
export interface SequentialModel<State, Input, Output> {
  /** The object that a call is about; objects are independent of each other. */
  readonly key: (input: Input) => string;
  readonly initial: (key: string) => State;
  /** The state after the call, or "impossible" when it cannot have answered so. `output` is `undefined` for a call without an answer. */
  readonly step: (state: State, input: Input, output: Output | undefined) => { readonly next: State } | "impossible";
}

/** How far the search goes. */
export interface LinearizabilityOptions {
  /** Configurations looked at for one key; beyond it the verdict is a violation "undecided". Default 1,000,000. */
  readonly configurationsMax?: number;
}

/** One violation for each key whose calls no order explains, with the call at which the longest attempt failed. Throws ConfigError. */
export function checkLinearizable<State, Input, Output>(
  model: SequentialModel<State, Input, Output>,
  operations: readonly Operation<Input, Output>[],
  options: LinearizabilityOptions = {},
): readonly Violation[] {
  const configurationsMax = integerIn("configurationsMax", options.configurationsMax ?? 1_000_000, { min: 1 });
  return [...Map.groupBy(operations, ({ input }) => model.key(input))].flatMap(([key, ofKey]) =>
    checkKey(model, { key, operations: ofKey, configurationsMax }),
  );
}

interface OneKey<Input, Output> {
  readonly key: string;
  readonly operations: readonly Operation<Input, Output>[];
  readonly configurationsMax: number;
}

interface Taken<State, Input, Output> {
  readonly entry: Entry<Input, Output>;
  readonly before: State;
}

function checkKey<State, Input, Output>(
  model: SequentialModel<State, Input, Output>,
  { key, operations, configurationsMax }: OneKey<Input, Output>,
): readonly Violation[] {
  const head = entriesOf(operations);
  const seen = new Set<string>();
  const taken: Taken<State, Input, Output>[] = [];
  let effective = 0n; // a bit a call: those that took effect so far
  let state = model.initial(key);
  let answersLeft = operations.filter(({ answer }) => answer !== undefined).length;
  let furthest: { readonly taken: number; readonly stuckAt: Operation<Input, Output> } | undefined;
  for (let entry = head.after; answersLeft > 0 && entry !== undefined;) {
    if (isCall(entry)) {
      const step = model.step(state, entry.operation.input, entry.operation.answer?.output);
      const then = effective | (1n << BigInt(entry.index));
      if (step !== "impossible" && isNew(seen, then, step.next)) {
        if (seen.size > configurationsMax) return [undecided(key, configurationsMax)];
        taken.push({ entry, before: state });
        state = step.next;
        effective = then;
        if (entry.operation.answer !== undefined) answersLeft--;
        lift(entry);
        entry = head.after;
      } else entry = entry.after;
      continue;
    }
    // An answer whose call has not taken effect: something before it went wrong.
    if (furthest === undefined || taken.length > furthest.taken)
      furthest = { taken: taken.length, stuckAt: entry.operation };
    const last = taken.pop();
    if (last === undefined) return [impossible(key, furthest.stuckAt, operations)];
    unlift(last.entry);
    state = last.before;
    effective &= ~(1n << BigInt(last.entry.index));
    if (last.entry.operation.answer !== undefined) answersLeft++;
    entry = last.entry.after;
  }
  return [];
}

function isNew(seen: Set<string>, effective: bigint, state: unknown): boolean {
  const configuration = `${effective.toString(36)} ${canonicalJson(state)}`;
  if (seen.has(configuration)) return false;
  seen.add(configuration);
  return true;
}

function undecided(key: string, configurations: number): Violation {
  const message = `the calls on "${key}" overlap too much: no verdict after ${configurations} configurations`;
  return { rule: "linearizability: undecided", message, evidence: [] };
}

function impossible<Input, Output>(
  key: string,
  stuckAt: Operation<Input, Output>,
  operations: readonly Operation<Input, Output>[],
): Violation {
  const beside = operations.filter(
    (other) =>
      other !== stuckAt &&
      other.invokedAt <= (stuckAt.answer?.at ?? Number.POSITIVE_INFINITY) &&
      (other.answer?.at ?? Number.POSITIVE_INFINITY) >= stuckAt.invokedAt,
  );
  const message = `no order of the calls on "${key}" explains the answer of the first call shown`;
  return { rule: "linearizability", message, evidence: [stuckAt, ...beside] };
}
