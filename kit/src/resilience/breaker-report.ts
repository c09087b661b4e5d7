/**
 * `closed`: calls pass. `open`: they are refused until its time is over. `half-open`: a few pass as probes. By hand: `isolated` refuses all,
 * `disabled` lets all pass and counts nothing, `metrics-only` lets all pass and counts.
 */
export type BreakerState = (typeof breakerStates)[number];

export const breakerStates = ["closed", "open", "half-open", "isolated", "disabled", "metrics-only"] as const;

/** Why a breaker changed its state. */
export type BreakerCause =
  | "failures"
  | "slow-calls"
  | "probes-failed"
  | "probes-passed"
  | "time-over"
  | "votes"
  | "by-hand";

/** A breaker changed its state. */
export interface BreakerChange {
  readonly from: BreakerState;
  readonly to: BreakerState;
  readonly cause: BreakerCause;
  /** How long it stays open; 0 for every other state. */
  readonly openMs: number;
}

/** What is to be kept of a breaker over a restart, as plain JSON. Times are epoch milliseconds, since the next process has another monotonic clock. */
export interface BreakerSnapshot {
  readonly state: BreakerState;
  /** Until when it is open; 0 in every other state. */
  readonly openUntilMs: number;
  /** Times that it opened in a row. */
  readonly opens: number;
  /** State of the back-off that says how long it opens. */
  readonly backoff: number;
}

/** A breaker at a glance. Counts of the window first, then those since it was made. */
export interface BreakerReport {
  readonly name: string;
  readonly state: BreakerState;
  readonly calls: number;
  readonly failed: number;
  readonly slow: number;
  /** When it lets probes pass, milliseconds from now; 0 unless open. */
  readonly retryAfterMs: number;
  /** Rises with every change of state. */
  readonly generation: number;
  /** Probes under way. */
  readonly probing: number;
  readonly totals: BreakerTotals;
}

/** What a breaker has seen since it was made. */
export interface BreakerTotals {
  readonly succeeded: number;
  readonly failed: number;
  readonly slow: number;
  readonly ignored: number;
  readonly refused: number;
  /** Results that came after a change of state, and decided nothing. */
  readonly late: number;
  readonly opened: number;
}
