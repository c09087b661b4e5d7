/**
 * Why work was not begun: `open` and `isolated` by a breaker, `full` (no room, not even to wait), `waited` (no room came free in time),
 * `shed` (room is kept for more important work), `closed` (on its way down).
 */
export type RefusalReason = "open" | "isolated" | "full" | "waited" | "shed" | "closed";

/** Nothing was begun, who says so, and when it makes sense to come again. A value: it costs no stack trace. Disposing does nothing, so that `using` takes it. */
export interface Refusal extends Disposable {
  readonly allowed: false;
  readonly reason: RefusalReason;
  /** Name of the policy that refused. */
  readonly by: string;
  /** Undefined when nobody can say. */
  readonly retryAfterMs: number | undefined;
}

/** A refusal; `retryAfterMs` left out when nobody can say. */
export function refusal(by: string, reason: RefusalReason, retryAfterMs?: number): Refusal {
  return new TurnedAway(by, reason, retryAfterMs);
}

class TurnedAway implements Refusal {
  readonly allowed = false;
  readonly reason: RefusalReason;
  readonly by: string;
  readonly retryAfterMs: number | undefined;

  constructor(by: string, reason: RefusalReason, retryAfterMs: number | undefined) {
    this.reason = reason;
    this.by = by;
    this.retryAfterMs = retryAfterMs;
  }

  [Symbol.dispose](): void {
    // A refusal holds nothing.
  }
}
