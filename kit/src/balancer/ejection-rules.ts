import { integerIn, numberIn } from "../errors/mod.ts";

/** Why an endpoint was ejected. */
export type EjectionReason = "consecutive-errors" | "error-ratio" | "latency";

/** When the outcomes of calls speak against an endpoint, and for how long. Defaults after Envoy's outlier detection. */
export interface EjectionOptions {
  /** So many errors in a row eject at once. 1 to 10,000, default 5. */
  readonly consecutiveErrors?: number | undefined;
  /** How often endpoints are compared. 100 ms to an hour, default 10 s. */
  readonly sweepMs?: number | undefined;
  /** Errors of all calls of a sweep, at least, to be an outlier. 0.01 to 1, default 0.3. */
  readonly errorRatio?: number | undefined;
  /** Calls in a sweep without which errors are not compared. 1 to 1 million, default 20. */
  readonly errorCallsMin?: number | undefined;
  /** How many times the median of the set is out of line, for errors and for latency. 1.1 to 1000, default 3. */
  readonly outlierFactor?: number | undefined;
  /** Sweeps in a row that an endpoint must have been too slow. 1 to 100, default 3. */
  readonly latencySweeps?: number | undefined;
  /** Calls in a sweep without which latency is not compared: a slow endpoint gets few. 1 to 1 million, default 5. */
  readonly latencyCallsMin?: number | undefined;
  /** The first ejection; the second lasts twice as long, the third three times. 100 ms to a day, default 30 s. */
  readonly baseMs?: number | undefined;
  /** The longest. Default 5 minutes, or `baseMs` when that is more. */
  readonly longestMs?: number | undefined;
  /** The part of the set that may be ejected at once, but one endpoint always may. 0 to 1, default 0.1. */
  readonly shareMax?: number | undefined;
}

/** All of {@link EjectionOptions}, in range. */
export type EjectionRules = { readonly [Name in keyof EjectionOptions]-?: number };

/** Throws ConfigError. */
export function resolveEjection(options: EjectionOptions): EjectionRules {
  const baseMs = numberIn("ejection.baseMs", options.baseMs ?? 30_000, { min: 100, max: 86_400_000 });
  const longestMs = options.longestMs ?? Math.max(300_000, baseMs);
  const calls = { min: 1, max: 1_000_000 };
  return {
    consecutiveErrors: integerIn("ejection.consecutiveErrors", options.consecutiveErrors ?? 5, { min: 1, max: 10_000 }),
    sweepMs: numberIn("ejection.sweepMs", options.sweepMs ?? 10_000, { min: 100, max: 3_600_000 }),
    errorRatio: numberIn("ejection.errorRatio", options.errorRatio ?? 0.3, { min: 0.01, max: 1 }),
    errorCallsMin: integerIn("ejection.errorCallsMin", options.errorCallsMin ?? 20, calls),
    outlierFactor: numberIn("ejection.outlierFactor", options.outlierFactor ?? 3, { min: 1.1, max: 1_000 }),
    latencySweeps: integerIn("ejection.latencySweeps", options.latencySweeps ?? 3, { min: 1, max: 100 }),
    latencyCallsMin: integerIn("ejection.latencyCallsMin", options.latencyCallsMin ?? 5, calls),
    baseMs,
    longestMs: numberIn("ejection.longestMs", longestMs, { min: baseMs, max: 86_400_000 }),
    shareMax: numberIn("ejection.shareMax", options.shareMax ?? 0.1, { min: 0, max: 1 }),
  };
}
