import type { EjectionReason, EjectionRules } from "./ejection-rules.ts";
import type { Slot } from "./slot.ts";

/** A slot that did worse than the others in the time since the last sweep. */
export interface Outlier {
  readonly slot: Slot;
  readonly reason: EjectionReason;
}

interface Window {
  readonly slot: Slot;
  readonly ended: number;
  readonly answered: number;
  readonly errorRatio: number;
  /** Of what was answered: an error may be quick. */
  readonly meanMs: number;
}

// Of two nobody can say which one is out of line.
const comparedMin = 3;

/** Who stands out since the last sweep, and begins the next window. O(n log n). */
export function outliersOf(slots: readonly Slot[], rules: EjectionRules): readonly Outlier[] {
  const windows = slots.map(nextWindow);
  const failing = failingOf(windows, rules);
  const slow = slowOf(windows, rules).filter((slot) => !failing.includes(slot));
  return [
    ...failing.map((slot): Outlier => ({ slot, reason: "error-ratio" })),
    ...slow.map((slot): Outlier => ({ slot, reason: "latency" })),
  ];
}

function nextWindow(slot: Slot): Window {
  const ended = slot.ended - slot.sweptEnded;
  const failed = slot.failed - slot.sweptFailed;
  const tookMs = slot.endedMs - slot.sweptEndedMs;
  beginWindow(slot);
  const answered = ended - failed;
  return { slot, ended, answered, errorRatio: failed / Math.max(1, ended), meanMs: tookMs / Math.max(1, answered) };
}

/** What came before no longer counts. */
export function beginWindow(slot: Slot): void {
  slot.sweptEnded = slot.ended;
  slot.sweptFailed = slot.failed;
  slot.sweptEndedMs = slot.endedMs;
}

/** When all fail alike the cause is elsewhere, and sending fewer to one helps nobody. */
function failingOf(windows: readonly Window[], rules: EjectionRules): readonly Slot[] {
  const judged = windows.filter(({ ended }) => ended >= rules.errorCallsMin);
  if (judged.length < comparedMin) return [];
  const limit = Math.max(rules.errorRatio, rules.outlierFactor * median(judged.map(({ errorRatio }) => errorRatio)));
  return judged.filter(({ errorRatio }) => errorRatio >= limit).map(({ slot }) => slot);
}

/** Without enough answers there is no verdict, neither for nor against. */
function slowOf(windows: readonly Window[], rules: EjectionRules): readonly Slot[] {
  const judged = windows.filter(({ answered }) => answered >= rules.latencyCallsMin);
  if (judged.length < comparedMin) return [];
  // One more millisecond: three times next to nothing is next to nothing.
  const limitMs = rules.outlierFactor * median(judged.map(({ meanMs }) => meanMs)) + 1;
  for (const { slot, meanMs } of judged) slot.slowSweeps = meanMs > limitMs ? slot.slowSweeps + 1 : 0;
  return judged.map(({ slot }) => slot).filter((slot) => slot.slowSweeps >= rules.latencySweeps);
}

/** The lower one of the two in the middle, so that of four one slow pair does not make the other look fine. */
function median(values: readonly number[]): number {
  const sorted = values.toSorted((left, right) => left - right);
  return sorted[(sorted.length - 1) >> 1] ?? 0;
}
