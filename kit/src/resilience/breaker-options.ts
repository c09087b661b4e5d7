import { type Clock, systemClock } from "../clock/mod.ts";
import { ConfigError, integerIn, numberIn, oneOf, textOf } from "../errors/mod.ts";
import { type Random, systemRandom } from "../random/mod.ts";
import { type Backoff, backoffOf, durationMaxMs, exponentialBackoff, fixedDelay } from "./backoff.ts";
import { type BreakerSnapshot, breakerStates } from "./breaker-report.ts";
import { type BreakerWindow, CountWindow, RunWindow, TimeWindow } from "./breaker-window.ts";
import type { Judge } from "./verdict.ts";

/**
 * When a breaker opens: after so many `failures` in a row (`consecutive`, 1 to 1e6), or when at least `failureRatio` (0 to 1, default 0.5) of
 * the last `calls` (1 to 1e6) or of those that ended in the last `windowMs` (10 ms to ten years) failed, given at least `callsMin` of them.
 */
export type Trip =
  | { readonly kind: "consecutive"; readonly failures: number }
  | {
      readonly kind: "calls";
      readonly calls: number;
      /** Default: a fifth of `calls`, one at least. */
      readonly callsMin?: number | undefined;
      readonly failureRatio?: number | undefined;
    }
  | {
      readonly kind: "time";
      readonly windowMs: number;
      /** Default 20. */
      readonly callsMin?: number | undefined;
      readonly failureRatio?: number | undefined;
    };

/** What counts as slow. */
export interface SlowOptions {
  /** Calls that take longer are slow. */
  readonly overMs: number;
  /** So many slow calls of the window open the breaker, 0 to 1; default 1. With `consecutive` a slow call counts as a failed one instead. */
  readonly ratio?: number | undefined;
}

/** How an open breaker finds out whether it may close. */
export interface ProbeOptions {
  /** Calls let through at most before the decision, 1 to 1000. Default 3. */
  readonly permits?: number | undefined;
  /** Of these so many must succeed; as soon as they cannot any more the breaker opens again. Default all. */
  readonly successesMin?: number | undefined;
  /** A probe without a result counts as failed after that time, and its late result for nothing. Default 10 s. */
  readonly leaseMs?: number | undefined;
}

/** What a breaker goes by. Everything has a default. */
export interface BreakerOptions {
  /** In refusals, telemetry and reports. Default "breaker". */
  readonly name?: string | undefined;
  /** Default half of those of the last 10 s, 20 at least. */
  readonly trip?: Trip | undefined;
  readonly slow?: SlowOptions | undefined;
  /** How long it stays open: a time, or a back-off by how often it opened in a row. Default 1 s doubling to 60 s, jittered by a quarter. */
  readonly openMs?: number | Backoff | undefined;
  readonly probes?: ProbeOptions | undefined;
  /** Says which ends are failures; for permits, and in pipelines that have no judge. */
  readonly judge?: Judge | undefined;
  /** State to start with, from {@link Breaker.snapshot}. */
  readonly restore?: BreakerSnapshot | undefined;
  /** The clock of the pipelines that it stands in. */
  readonly clock?: Pick<Clock, "now" | "monotonic" | "nextTurn"> | undefined;
  readonly random?: Random | undefined;
}

/** All of {@link BreakerOptions}, in range. */
export interface BreakerRules {
  readonly name: string;
  readonly window: BreakerWindow;
  readonly callsMin: number;
  readonly failureRatio: number;
  readonly slowOverMs: number;
  readonly slowRatio: number;
  /** With `consecutive` a slow call is a failed one. */
  readonly slowIs: "slow" | "failed";
  readonly openFor: Backoff;
  readonly permits: number;
  readonly successesMin: number;
  readonly leaseMs: number;
  readonly judge: Judge | undefined;
  readonly clock: Pick<Clock, "now" | "monotonic" | "nextTurn">;
  readonly random: Random;
}

const openDefault = exponentialBackoff({ firstMs: 1_000, capMs: 60_000, jitter: 0.25 });
const countMax = 1_000_000;

/** Throws ConfigError. */
export function resolveBreaker(options: BreakerOptions): BreakerRules {
  const { trip = { kind: "time", windowMs: 10_000 }, probes = {}, openMs = openDefault } = options;
  const permits = integerIn("probes.permits", probes.permits ?? 3, { min: 1, max: 1_000 });
  return {
    name: textOf("name", options.name ?? "breaker"),
    ...resolveTrip(trip),
    ...resolveSlow(options.slow, trip),
    openFor:
      typeof openMs === "number"
        ? fixedDelay(numberIn("openMs", openMs, { min: 0, max: durationMaxMs }))
        : backoffOf("openMs", openMs),
    permits,
    successesMin: integerIn("probes.successesMin", probes.successesMin ?? permits, { min: 1, max: permits }),
    leaseMs: numberIn("probes.leaseMs", probes.leaseMs ?? 10_000, { min: 1, max: durationMaxMs }),
    judge: options.judge,
    clock: options.clock ?? systemClock,
    random: options.random ?? systemRandom,
  };
}

function resolveTrip(trip: Trip): Pick<BreakerRules, "window" | "callsMin" | "failureRatio"> {
  oneOf("trip.kind", trip.kind, ["consecutive", "calls", "time"]);
  if (trip.kind === "consecutive") {
    const failures = integerIn("trip.failures", trip.failures, { min: 1, max: countMax });
    return { window: new RunWindow(failures), callsMin: failures, failureRatio: 1 };
  }
  const failureRatio = numberIn("trip.failureRatio", trip.failureRatio ?? 0.5, { min: 0, max: 1 });
  // Without a failure nothing opens.
  if (failureRatio === 0) throw new ConfigError("trip.failureRatio", failureRatio, "a number above 0");
  if (trip.kind === "time") {
    const windowMs = numberIn("trip.windowMs", trip.windowMs, { min: 10, max: durationMaxMs });
    const callsMin = integerIn("trip.callsMin", trip.callsMin ?? 20, { min: 1, max: countMax });
    return { window: new TimeWindow(windowMs), callsMin, failureRatio };
  }
  const calls = integerIn("trip.calls", trip.calls, { min: 1, max: countMax });
  const callsMin = integerIn("trip.callsMin", trip.callsMin ?? Math.ceil(calls / 5), { min: 1, max: calls });
  return { window: new CountWindow(calls), callsMin, failureRatio };
}

function resolveSlow(
  slow: SlowOptions | undefined,
  trip: Trip,
): Pick<BreakerRules, "slowOverMs" | "slowRatio" | "slowIs"> {
  const slowIs = trip.kind === "consecutive" ? "failed" : "slow";
  if (slow === undefined) return { slowOverMs: Infinity, slowRatio: 1, slowIs };
  return {
    slowOverMs: numberIn("slow.overMs", slow.overMs, { min: 0, max: durationMaxMs }),
    slowRatio: numberIn("slow.ratio", slow.ratio ?? 1, { min: 0.001, max: 1 }),
    slowIs,
  };
}

/** A snapshot comes from a file or another process. Throws ConfigError. */
export function checkedSnapshot({ state, openUntilMs, opens, backoff }: BreakerSnapshot): BreakerSnapshot {
  return {
    state: oneOf("restore.state", state, breakerStates),
    openUntilMs: numberIn("restore.openUntilMs", openUntilMs, { min: 0 }),
    opens: integerIn("restore.opens", opens, { min: 0 }),
    backoff: numberIn("restore.backoff", backoff, {}),
  };
}
