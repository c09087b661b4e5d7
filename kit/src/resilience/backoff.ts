// How long to wait before the next attempt. Each form is a pure function of (attempt, state, chance), so that a test can draw a million.
import { ConfigError, numberIn, oneOf } from "../errors/mod.ts";
import type { Random } from "../random/mod.ts";

/** A delay, and what the form has to remember until the next one. */
export interface BackoffStep {
  readonly delayMs: number;
  readonly state: number;
}

/** The wait after failed attempt number `attempt` (1 is the first). `state` is that of the step before, 0 at first. Pure but for `random`. */
export type Backoff = (attempt: number, state: number, random: Random) => BackoffStep;

/** How chance spreads a delay: `full` over 0 to all of it, `equal` over its upper half, a number by so much of it either way (0.25 is ±25 %), `none` not at all. */
export type Jitter = "none" | "full" | "equal" | number;

/** What a growing back-off goes by. */
export interface BackoffOptions {
  /** First delay, 0 to 10 years. */
  readonly firstMs: number;
  /** Longest delay before jitter. Default 60 s, or `firstMs` if that is more. */
  readonly capMs?: number | undefined;
  /** Default `full`. */
  readonly jitter?: Jitter | undefined;
}

/** Longest duration that any option here takes: ten years. */
export const durationMaxMs = 315_576_000_000;

const capDefaultMs = 60_000;
// 2^60 times any delay is above every cap; beyond it sums would lose their meaning.
const exponentMax = 60;

/** `value` when it is a back-off, else throws ConfigError: as late as at the first failure it would be one more. */
export function backoffOf(option: string, value: Backoff): Backoff {
  if (typeof value === "function") return value;
  throw new ConfigError(option, value, "a back-off, such as fixedDelay(ms)");
}

/** Always the same delay. Throws ConfigError. */
export function fixedDelay(delayMs: number, options: { readonly jitter?: Jitter | undefined } = {}): Backoff {
  numberIn("delayMs", delayMs, { min: 0, max: durationMaxMs });
  const spread = jitterOf(options.jitter ?? "none");
  return (_attempt, state, random) => ({ delayMs: spread(delayMs, random), state });
}

/** Grows by `stepMs` (default `firstMs`) each time. Throws ConfigError. */
export function linearBackoff(options: BackoffOptions & { readonly stepMs?: number | undefined }): Backoff {
  const { firstMs, capMs, spread } = resolve(options);
  const stepMs = numberIn("stepMs", options.stepMs ?? firstMs, { min: 0, max: durationMaxMs });
  return (attempt, state, random) => ({
    delayMs: spread(Math.min(capMs, firstMs + stepMs * (attempt - 1)), random),
    state,
  });
}

/** Grows by `factor` (default 2, 1 to 100) each time. Source of full and equal jitter: M. Brooker, AWS Architecture Blog, 2015. Throws ConfigError. */
export function exponentialBackoff(options: BackoffOptions & { readonly factor?: number | undefined }): Backoff {
  const { firstMs, capMs, spread } = resolve(options);
  const factor = numberIn("factor", options.factor ?? 2, { min: 1, max: 100 });
  return (attempt, state, random) => ({
    // A power that overflows is Infinity, and Infinity times 0 is not a number.
    delayMs: spread(firstMs === 0 ? 0 : Math.min(capMs, firstMs * factor ** (attempt - 1)), random),
    state,
  });
}

/** Evenly between `firstMs` and three times the delay before: spreads most, with a long tail. Source: M. Brooker, 2015. Throws ConfigError. */
export function decorrelatedJitter(options: Omit<BackoffOptions, "jitter">): Backoff {
  const { firstMs, capMs } = resolve(options);
  return (_attempt, state, random) => {
    const upperMs = Math.max(firstMs, state * 3);
    const delayMs = Math.min(capMs, firstMs + random.next() * (upperMs - firstMs));
    return { delayMs, state: Math.max(delayMs, firstMs) };
  };
}

/**
 * Exponential with the chance inside the exponent: no early burst, a short tail, `firstMs` is about the median of the first delay. The best
 * mix for many callers that fail together. Source: the second decorrelated form of Polly, G. Roussel and others, 2019. Throws ConfigError.
 */
export function smoothJitter(options: Omit<BackoffOptions, "jitter">): Backoff {
  const { firstMs, capMs } = resolve(options);
  return (attempt, state, random) => {
    const time = Math.min(attempt - 1 + random.next(), exponentMax);
    const reached = 2 ** time * Math.tanh(Math.sqrt(4 * time));
    // 1 / 1.4 makes firstMs the median of the first delay.
    return { delayMs: Math.min(capMs, (Math.max(0, reached - state) / 1.4) * firstMs), state: reached };
  };
}

function resolve(options: BackoffOptions): { firstMs: number; capMs: number; spread: Spread } {
  const firstMs = numberIn("firstMs", options.firstMs, { min: 0, max: durationMaxMs });
  const capMs = numberIn("capMs", options.capMs ?? Math.max(capDefaultMs, firstMs), {
    min: firstMs,
    max: durationMaxMs,
  });
  return { firstMs, capMs, spread: jitterOf(options.jitter ?? "full") };
}

type Spread = (delayMs: number, random: Random) => number;

function jitterOf(jitter: Jitter): Spread {
  if (typeof jitter === "number") {
    numberIn("jitter", jitter, { min: 0, max: 1 });
    return (delayMs, random) => delayMs * (1 - jitter + 2 * jitter * random.next());
  }
  switch (oneOf("jitter", jitter, ["none", "full", "equal"])) {
    case "none":
      return (delayMs) => delayMs;
    case "full":
      return (delayMs, random) => delayMs * random.next();
    case "equal":
      return (delayMs, random) => delayMs * (0.5 + random.next() / 2);
  }
}
