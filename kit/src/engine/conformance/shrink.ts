import type { PlannedCall, Step } from "./history.ts";

/** Takes parts out of a history as long as it still fails, largest first: steps, then calls, then changes. Bounded by `attemptsMax` runs.
 *  Source: delta debugging, Zeller and Hildebrandt 2002, without its complements. */
export async function shrink(
  history: readonly Step[],
  stillFails: (history: readonly Step[]) => Promise<boolean>,
  attemptsMax: number,
): Promise<readonly Step[]> {
  let current = history;
  let attempts = 0;
  for (let isShrinking = true; isShrinking;) {
    isShrinking = false;
    for (const smaller of smallerHistories(current)) {
      if (attempts++ >= attemptsMax) return current;
      if (!(await stillFails(smaller))) continue;
      current = smaller;
      isShrinking = true;
      break;
    }
  }
  return current;
}

function* smallerHistories(steps: readonly Step[]): Generator<readonly Step[]> {
  yield* withoutRuns(steps);
  for (const [index, step] of steps.entries()) {
    if (step.do !== "calls") continue;
    for (const smaller of smallerCalls(step.calls)) yield steps.with(index, { ...step, calls: smaller });
  }
}

function* smallerCalls(calls: readonly PlannedCall[]): Generator<readonly PlannedCall[]> {
  if (calls.length > 1) yield* withoutRuns(calls);
  for (const [index, call] of calls.entries()) {
    if (call.call !== "commit" || call.changes.length < 2) continue;
    for (const changes of withoutRuns(call.changes)) yield calls.with(index, { ...call, changes });
  }
}

/** The list without its second half, without a quarter … without one. */
function* withoutRuns<T>(items: readonly T[]): Generator<readonly T[]> {
  for (let size = Math.ceil(items.length / 2); size >= 1; size = size > 1 ? Math.ceil(size / 2) : 0)
    for (let start = items.length - size; start >= 0; start -= size) yield items.toSpliced(start, size);
}
