import type { Refusal } from "./refusal.ts";
import type { Priority, Verdict } from "./verdict.ts";

/** An attempt as the guards around it see it. Readings of the clock are taken when first asked for and then shared. */
export interface Passage {
  readonly priority: Priority;
  /** When the whole call must be over, on the monotonic clock; Infinity when never. */
  readonly deadlineAtMs: number;
  /** What ends waiting for room: the caller's signal. */
  readonly cancelledBy: AbortSignal | undefined;
  /** Final once `leave` is called. */
  readonly verdict: Verdict;
  /** `running`: the caller got its answer (a timeout, an abort), the work has not ended yet. */
  readonly work: "settled" | "running";
  /** When the attempt began (behind a queue: when it got in), on the monotonic clock. Read when first asked: a guard that goes by it asks in `enter`. */
  startedAtMs(): number;
  /** When it ended; before that, now. */
  endedAtMs(): number;
}

/**
 * What stands around an attempt and may turn it away; breakers, bulkheads and adaptive limits are guards, and so can be anything else.
 * For each attempt that `enter` lets pass, `leave` is called once. One instance serves many pipelines.
 */
export interface Guard {
  readonly kind: string;
  readonly name: string;
  /** What is certain without a passage: that nobody passes now. Asked, if at all, before anything is made of a call, which has not entered then. */
  turnsAway?(): Refusal | undefined;
  /** A ticket (any number) that `leave` gets again, or the refusal; a promise of either when the attempt has to wait. Rejects only with the reason of `cancelledBy`. */
  enter(passage: Passage): number | Refusal | Promise<number | Refusal>;
  /** The attempt has its verdict. Must not throw. */
  leave(ticket: number, passage: Passage): void;
  /** The work has ended as well, where `leave` was called while it still ran. */
  release?(ticket: number): void;
}
