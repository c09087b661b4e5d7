import { integerIn, numberIn, oneOf, textOf } from "../errors/mod.ts";
import type { Access } from "./access.ts";

/** How often something may be called. Beyond it the call is refused with when to come back. */
export interface RateLimit {
  /** Calls a second on average, 0.001 to 1e6. */
  readonly perSecond: number;
  /** Calls at once, 1 to 1e6. Default: one second's worth. */
  readonly burst?: number;
  /** Whether each caller has the rate, or all of them together. Default "caller". */
  readonly per?: "caller" | "everyone";
}

/** What the system promises of an operation; checked against what is measured. */
export interface Targets {
  /** 95 of 100 answers are there within it. */
  readonly p95Ms?: number;
  readonly throughputPerSecond?: number;
  /** Part of the calls that are answered without a fault, 0 to 1. */
  readonly availability?: number;
}

/** What calls and streams have in common. */
export interface CallTerms {
  readonly summary: string | undefined;
  readonly deadlineMs: number;
  readonly access: Access;
  readonly rateLimit: Required<RateLimit> | undefined;
  readonly targets: Targets;
}

const deadlineDefaultMs = 10_000;
const deadlineMaxMs = 3_600_000;
const rateMax = 1_000_000;

interface TermOptions {
  readonly summary?: string;
  readonly deadlineMs?: number;
  readonly rateLimit?: RateLimit;
  readonly targets?: Targets;
}

/** The terms with their defaults, checked. */
export function callTerms(options: TermOptions, access: Access): CallTerms {
  const { summary, deadlineMs = deadlineDefaultMs, rateLimit, targets = {} } = options;
  return {
    summary: summary === undefined ? undefined : textOf("summary", summary, { lengthMax: 500 }),
    deadlineMs: integerIn("deadlineMs", deadlineMs, { min: 1, max: deadlineMaxMs }),
    access,
    rateLimit: rateLimit === undefined ? undefined : resolveRateLimit(rateLimit),
    targets: resolveTargets(targets),
  };
}

function resolveRateLimit({ perSecond, burst, per = "caller" }: RateLimit): Required<RateLimit> {
  numberIn("rateLimit.perSecond", perSecond, { min: 0.001, max: rateMax });
  return Object.freeze({
    perSecond,
    burst: integerIn("rateLimit.burst", burst ?? Math.max(1, Math.ceil(perSecond)), { min: 1, max: rateMax }),
    per: oneOf("rateLimit.per", per, ["caller", "everyone"]),
  });
}

function resolveTargets(targets: Targets): Targets {
  const { p95Ms, throughputPerSecond, availability } = targets;
  if (p95Ms !== undefined) numberIn("targets.p95Ms", p95Ms, { min: 0.001, max: deadlineMaxMs });
  if (throughputPerSecond !== undefined) numberIn("targets.throughputPerSecond", throughputPerSecond, { min: 0 });
  if (availability !== undefined) numberIn("targets.availability", availability, { min: 0, max: 1 });
  return Object.freeze({ ...targets });
}
