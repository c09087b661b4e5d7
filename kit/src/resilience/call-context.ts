import type { Refusal } from "./refusal.ts";
import type { Ended, Priority, Verdict } from "./verdict.ts";

/** What of a call its own calls inherit. Every {@link CallContext} is one. */
export interface ParentCall {
  /** On the monotonic clock. */
  readonly deadlineAtMs: number;
  readonly signal: AbortSignal;
  readonly priority: Priority;
}

/** What the work is given. */
export interface CallContext extends ParentCall {
  /** 1 is the first. */
  readonly attempt: number;
  /** 0, or which of the attempts beside the first this is. */
  readonly hedge: number;
  /** When this attempt must be over, on the monotonic clock; Infinity when never. */
  readonly deadlineAtMs: number;
  /** What is left until then, in milliseconds, 0 or more: what to tell another process. */
  remainingMs(): number;
  /** Aborts when the attempt is no longer wanted; its own for each attempt. Made when first read, so pass it only to what takes one. */
  readonly signal: AbortSignal;
  readonly priority: Priority;
}

/** What a pipeline does for its caller. */
export type Work<T> = (context: CallContext) => T | PromiseLike<T>;

/** How an attempt ended. */
export type EndKind = "none" | "value" | "error" | "refused" | "late" | "aborted";

/** An attempt that has ended, as its call looks at it. */
export interface EndedAttempt {
  readonly kind: EndKind;
  readonly verdict: Verdict;
  /** The value, the error or the refusal. */
  readonly result: unknown;
  readonly refusal: Refusal | undefined;
  ended(): Ended;
  /** What decides about another attempt threw: that is the end. */
  spoil(error: unknown): void;
}
