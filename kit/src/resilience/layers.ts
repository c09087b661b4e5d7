import { ConfigError, integerIn, isRetryable, numberIn } from "../errors/mod.ts";
import { type Backoff, backoffOf, durationMaxMs, smoothJitter } from "./backoff.ts";
import type { Guard } from "./guard.ts";
import type { QuantileDelay } from "./quantile-delay.ts";
import type { Failure } from "./outcome.ts";
import { type Patience, patienceOf, type PatienceOptions } from "./patience.ts";
import { type RetryBudget, retryBudget } from "./retry-budget.ts";
import type { Ended } from "./verdict.ts";

/** One layer of a pipeline. Any {@link Guard} is one: a breaker, a bulkhead, an adaptive limit. */
export type Layer = DeadlineLayer | FallbackLayer | HedgeLayer | RetryLayer | TimeoutLayer | Guard;

/** The time for the whole call, all attempts and pauses included. */
export interface DeadlineLayer {
  readonly kind: "deadline";
  readonly ms: number;
}

/** The time for one attempt. */
export interface TimeoutLayer {
  readonly kind: "timeout";
  readonly ms: number;
}

/** The time for the whole call: all attempts, pauses and queues. It travels: see {@link CallOptions}. `ms`: 1 to ten years. Throws ConfigError. */
export function deadline(ms: number): DeadlineLayer {
  return { kind: "deadline", ms: numberIn("ms", ms, { min: 1, max: durationMaxMs }) };
}

/**
 * The time for one attempt, from when the work begins. At its end the attempt's signal aborts and the caller is answered, whether the work heeds
 * its signal or not. Waiting for room is not in it: that is bounded by the guard's own `waitMaxMs` and the deadline. `ms`: 1 to ten
 * years. Throws ConfigError.
 */
export function timeout(ms: number): TimeoutLayer {
  return { kind: "timeout", ms: numberIn("ms", ms, { min: 1, max: durationMaxMs }) };
}

/** What a retry goes by. */
export interface RetryOptions {
  /** Attempts in all, the first one included; 1 to 1000. */
  readonly attemptsMax: number;
  /** Default {@link smoothJitter} from 50 ms to 10 s. */
  readonly delay?: Backoff | undefined;
  /** Whether an end is worth another attempt. Default: an error that does not say otherwise of itself (`retryable`), and a value that is judged a failure. When it throws, the call fails with that. */
  readonly on?: ((ended: Ended) => boolean) | undefined;
  /** Shared by all who call the same thing. Default: one of its own; `none` only where something else bounds the load. */
  readonly budget?: RetryBudget | "none" | undefined;
  /** `honour`, the default, waits as long as it is told, and the back-off on top of it. */
  readonly retryAfter?: "honour" | "ignore" | undefined;
  /** Who asks for a longer pause is not asked again. Default 60 s. */
  readonly retryAfterMaxMs?: number | undefined;
  /** No attempt begins later than this after the first. Default: the deadline alone decides. */
  readonly totalMaxMs?: number | undefined;
  /** For whoever is not there yet, or not there again. Default: none. */
  readonly patience?: PatienceOptions | undefined;
}

/** All of {@link RetryOptions}, in range. */
export interface RetryLayer {
  readonly kind: "retry";
  readonly attemptsMax: number;
  readonly delay: Backoff;
  readonly on: (ended: Ended) => boolean;
  readonly budget: RetryBudget | undefined;
  readonly retryAfterMaxMs: number;
  readonly totalMaxMs: number;
  readonly patience: Patience | undefined;
}

const delayDefault = smoothJitter({ firstMs: 50, capMs: 10_000 });

/**
 * Tries again what failed. It gives up, with what happened last, when the attempts, the budget or the time are used up: a pause that would
 * reach beyond the deadline is not begun. What a guard refused is tried again only when the guard says when. Throws ConfigError.
 */
export function retry(options: RetryOptions): RetryLayer {
  const { budget = retryBudget(), on = worthRepeating, retryAfter = "honour" } = options;
  return {
    kind: "retry",
    attemptsMax: integerIn("attemptsMax", options.attemptsMax, { min: 1, max: 1_000 }),
    delay: backoffOf("delay", options.delay ?? delayDefault),
    on,
    budget: budget === "none" ? undefined : budget,
    // Below any pause that is asked for: nothing is honoured.
    retryAfterMaxMs:
      retryAfter === "ignore"
        ? -1
        : numberIn("retryAfterMaxMs", options.retryAfterMaxMs ?? 60_000, { min: 0, max: durationMaxMs }),
    totalMaxMs:
      options.totalMaxMs === undefined
        ? Infinity
        : numberIn("totalMaxMs", options.totalMaxMs, { min: 0, max: durationMaxMs }),
    patience: options.patience === undefined ? undefined : patienceOf(options.patience),
  };
}

function worthRepeating(ended: Ended): boolean {
  return ended.ok || isRetryable(ended.error);
}

/** A poorer answer. Throws or rejects when it has none either. */
export type FallbackStep = (failure: Failure) => unknown;

/** Poorer answers, best first. */
export interface FallbackLayer {
  readonly kind: "fallback";
  readonly steps: readonly FallbackStep[];
}

/**
 * Degrades gracefully: when the call has failed for good, each step is asked in turn (a cached answer, a default, an empty list) until one
 * has an answer, which the outcome then marks as degraded. When none has, the call fails as it had. Not asked when the caller aborted. 1 to 16
 * steps, outside the deadline, so keep them quick. Throws ConfigError.
 */
export function fallback(...steps: readonly FallbackStep[]): FallbackLayer {
  if (steps.length < 1 || steps.length > 16) throw new ConfigError("steps", steps.length, "1 to 16 steps");
  return { kind: "fallback", steps };
}

/** What a hedge goes by. */
export interface HedgeOptions {
  /** When an attempt has not ended after so long, another begins beside it: milliseconds, or {@link quantileDelay}. */
  readonly after: number | QuantileDelay;
  /** Attempts beside the first, 1 to 10. Default 1. */
  readonly extraMax?: number | undefined;
  /** Shared with retries, as a rule. Default: one of its own with a ratio of 0.1. */
  readonly budget?: RetryBudget | undefined;
}

/** All of {@link HedgeOptions}, in range. */
export interface HedgeLayer {
  readonly kind: "hedge";
  readonly after: number | QuantileDelay;
  readonly extraMax: number;
  readonly budget: RetryBudget;
}

/**
 * Sends a second request when the first is slow and takes the first good answer; the signal of the losers aborts. Cuts the tail of latencies
 * for `ratio` of the budget in extra load. Only for what may be done twice, so the pipeline has to say so (`semantics`). Throws ConfigError.
 * Source: J. Dean and L. A. Barroso, "The Tail at Scale", 2013.
 */
export function hedge(options: HedgeOptions): HedgeLayer {
  const { after, budget = retryBudget({ ratio: 0.1 }) } = options;
  if (typeof after === "number") numberIn("after", after, { min: 0, max: durationMaxMs });
  const extraMax = integerIn("extraMax", options.extraMax ?? 1, { min: 1, max: 10 });
  return { kind: "hedge", after, extraMax, budget };
}
