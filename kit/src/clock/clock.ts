/** Where time comes from. Code that takes a Clock runs unchanged on the system's time and under a test's or simulator's. */
export interface Clock {
  /** Milliseconds since 1970-01-01 UTC, an integer. May step either way when the machine's time is corrected. */
  now(): number;
  /** Milliseconds since some fixed moment, with fractions. Never goes back; for measuring durations. */
  monotonic(): number;
  /** Calls `ring` once, in a later turn, when `delayMs` have passed (below 0 counts as 0; no upper limit). */
  setTimer(delayMs: number, ring: () => void, options?: TimerOptions): Timer;
  /** Resolves after `delayMs`; rejects with `signal.reason` on abort, at once if already aborted. Leaves no timer or listener. */
  sleep(delayMs: number, options?: SleepOptions): Promise<void>;
  /** Calls `run` once the promise jobs of this turn are done: the point where calls of one turn can be batched. First in, first out. */
  nextTurn(run: () => void): void;
}

/** How a timer behaves while it is pending. */
export interface TimerOptions {
  /** "no" lets the process end while the timer is pending. Default "yes". */
  readonly holdsProcess?: "yes" | "no";
}

/** What ends a sleep early. */
export interface SleepOptions {
  readonly signal?: AbortSignal | undefined;
}

/** A timer that may still ring. */
export interface Timer {
  /** After it returns the timer does not ring. Idempotent, also after it rang. */
  cancel(): void;
}
