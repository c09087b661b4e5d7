import type { RefusalReason } from "./refusal.ts";

/** Why a call failed: a refusal by its name, the time of an attempt (`timeout`) or of the call (`deadline`), the caller (`aborted`), or the work itself (`error`). */
export type FailureReason = RefusalReason | "timeout" | "deadline" | "aborted" | "error";

/**
 * Why there was no further attempt: `no-retry` (there is no retry, or this was all that it takes), `not-worth-it` (the retry does not take such an
 * end), `budget`, `time` (the pause would not end in time), `asked-to-wait` (longer than the retry waits), `aborted`.
 */
export type StopReason = "no-retry" | "not-worth-it" | "budget" | "time" | "asked-to-wait" | "aborted";

/** An answer. */
export interface Success<T> {
  readonly ok: true;
  readonly value: T;
  readonly attempts: number;
  /** Whether a fallback gave it. */
  readonly quality: "full" | "degraded";
}

/** How a call failed, as a value. */
export interface Failure {
  readonly ok: false;
  readonly reason: FailureReason;
  /** Name of the policy that ended it, or of the pipeline. */
  readonly by: string;
  /** What `run` throws: the work's own error, the caller's reason, a CallRefusedError or a TimeoutError. Made when first read. */
  readonly error: unknown;
  readonly retryAfterMs: number | undefined;
  /** Attempts that were made or refused. */
  readonly attempts: number;
  readonly stopped: StopReason;
  /** What the attempts before the last one ended with: errors, refusals, values that were judged failures. */
  readonly trail: readonly unknown[];
}

/** How a call ended, for callers who would rather look than catch. */
export type Outcome<T> = Success<T> | Failure;
