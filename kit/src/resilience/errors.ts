import { KitError, TimeoutError } from "../errors/mod.ts";
import type { Refusal, RefusalReason } from "./refusal.ts";

/** What of a refusal is told. */
type RefusedBy = Pick<Refusal, "reason" | "by" | "retryAfterMs">;

/** Nothing was begun: a policy turned the work away, so that it is safe to repeat, elsewhere or later. Carries no stack: it is made under overload. */
export class CallRefusedError extends KitError {
  readonly code = "CALL_REFUSED";
  readonly retryable = true;
  /** Name of the pipeline or policy that was called. */
  readonly what: string;
  readonly reason: RefusalReason;
  /** Name of the policy that refused. */
  readonly by: string;
  /** When a repeat makes sense; undefined when nobody can say. */
  readonly retryAfterMs: number | undefined;

  constructor(what: string, { reason, by, retryAfterMs }: RefusedBy) {
    super(`${what} was refused by ${by}: ${texts[reason]}`);
    this.what = what;
    this.reason = reason;
    this.by = by;
    this.retryAfterMs = retryAfterMs;
  }
}

const texts: Readonly<Record<RefusalReason, string>> = {
  open: "its circuit is open",
  isolated: "its circuit is isolated by hand",
  full: "it is full",
  waited: "no room came free in time",
  shed: "room is kept for more important work",
  closed: "it is closing",
};

/** The refusal as an error. 0.4 µs: a stack would cost six times as much and show nothing but the pipeline. */
export function refusedError(what: string, refused: RefusedBy): CallRefusedError {
  return withoutStack(() => new CallRefusedError(what, refused));
}

/** A timeout as an error, without a stack: it is made in a timer, where there is no stack to show. */
export function lateError(what: string, afterMs: number): TimeoutError {
  return withoutStack(() => new TimeoutError(what, Math.round(afterMs)));
}

function withoutStack<T>(make: () => T): T {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 0;
  try {
    return make();
  } finally {
    Error.stackTraceLimit = limit;
  }
}

/** What a signal aborts with when nobody shall see it as a failure. Made once: an abort without a reason builds a DOMException with a stack. */
export function quietReason(name: string, message: string): Error {
  return withoutStack(() => Object.assign(new Error(message), { name }));
}
