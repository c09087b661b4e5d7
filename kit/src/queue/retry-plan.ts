import { ConfigError, isRetryable } from "../errors/mod.ts";
import type { Random } from "../random/mod.ts";

/** How often, how patiently, and what at all. */
export interface RetryPlanOptions {
  /** Attempts in all, the first one included; 1 to 1,000,000. 1 means that nothing is tried again. */
  readonly attemptsMax: number;
  /** Back-off after the first failure, in milliseconds; 0 or more. */
  readonly firstMs: number;
  /** Growth from one back-off to the next; 1 or more. Default 2. */
  readonly factor?: number | undefined;
  /** Longest back-off; at least `firstMs`. Default one hour, or `firstMs` if that is more. */
  readonly capMs?: number | undefined;
  /** `full` (default) draws evenly between 0 and the back-off, so that many failures do not return as one wave; `none` waits it out exactly. */
  readonly jitter?: "full" | "none" | undefined;
  /** Whether another attempt can help. Default: a `KitError` says so itself, any other error may pass. */
  readonly retryable?: ((error: unknown) => boolean) | undefined;
}

/** How often and how patiently failed work is tried again. A plain value: made by {@link retryPlan}, read by {@link nextDelay}. */
export interface RetryPlan {
  readonly attemptsMax: number;
  readonly firstMs: number;
  readonly factor: number;
  readonly capMs: number;
  readonly jitter: "full" | "none";
  readonly retryable: (error: unknown) => boolean;
}

/** Longest wait that an error's own `retryAfterMs` can ask for: a stranger's answer must not park work for a year. */
export const retryAfterMaxMs = 86_400_000;

const hourMs = 3_600_000;

/** Exponential back-off with jitter: `min(capMs, firstMs * factor^(attempt - 1))`, all options checked here.
 *  Throws {@link ConfigError}. Source of full jitter: M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015. */
export function retryPlan(options: RetryPlanOptions): RetryPlan {
  const { attemptsMax, firstMs, factor = 2, jitter = "full", retryable = isRetryable } = options;
  const capMs = options.capMs ?? Math.max(hourMs, firstMs);
  if (!Number.isInteger(attemptsMax) || attemptsMax < 1 || attemptsMax > 1_000_000)
    throw new ConfigError("attemptsMax", attemptsMax, "an integer from 1 to 1,000,000");
  if (!Number.isFinite(firstMs) || firstMs < 0) throw new ConfigError("firstMs", firstMs, "milliseconds, 0 or more");
  if (!Number.isFinite(factor) || factor < 1) throw new ConfigError("factor", factor, "a number of 1 or more");
  if (!Number.isFinite(capMs) || capMs < firstMs)
    throw new ConfigError("capMs", capMs, "milliseconds, at least firstMs");
  if (jitter !== "full" && jitter !== "none") throw new ConfigError("jitter", jitter, `"full" or "none"`);
  return { attemptsMax, firstMs, factor, capMs, jitter, retryable };
}

/** Whole milliseconds to wait after attempt number `attempt` (1 for the first) has failed, or `undefined` when the plan is used up.
 *  Pure: the same plan, attempt and state of `random` give the same delay. */
export function nextDelay(plan: RetryPlan, attempt: number, random: Random): number | undefined {
  if (attempt >= plan.attemptsMax) return undefined;
  const backoffMs = Math.min(plan.capMs, plan.firstMs * plan.factor ** (attempt - 1));
  return Math.round(plan.jitter === "full" ? random.next() * backoffMs : backoffMs);
}

/** What a failure leads to. `dead` names why no further attempt is made. */
export type RetryDecision =
  | { readonly kind: "retry"; readonly delayMs: number }
  | { readonly kind: "dead"; readonly reason: "attempts" | "not-retryable" };

/** Decides about a failed attempt: an error that is not retryable ends it at once; an error that carries `retryAfterMs` (a number of
 *  milliseconds, as a rate limiter gives) is obeyed up to {@link retryAfterMaxMs} where it asks for longer than the plan. */
export function decideRetry(
  plan: RetryPlan,
  failed: { readonly attempt: number; readonly error: unknown },
  random: Random,
): RetryDecision {
  if (!plan.retryable(failed.error)) return { kind: "dead", reason: "not-retryable" };
  const delayMs = nextDelay(plan, failed.attempt, random);
  if (delayMs === undefined) return { kind: "dead", reason: "attempts" };
  return { kind: "retry", delayMs: Math.max(delayMs, retryAfterOf(failed.error)) };
}

function retryAfterOf(error: unknown): number {
  if (typeof error !== "object" || error === null || !("retryAfterMs" in error)) return 0;
  const asked = error.retryAfterMs;
  return typeof asked === "number" && asked > 0 ? Math.min(Math.ceil(asked), retryAfterMaxMs) : 0;
}
