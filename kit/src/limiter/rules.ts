import { integerIn, oneOf, textOf } from "../errors/mod.ts";
import type { Rule, RuleKind } from "./rule.ts";

/** What every rule has. */
export interface RuleOptions {
  /** Letters, digits, ".", "_" and "-", 1 to 64. Default the algorithm's name. */
  readonly name?: string;
  /** Permits per window, 1 to 1e9 (10,000 where each permit is remembered: sliding log, concurrency). */
  readonly limit: number;
  /** "cost": a call takes as many permits as it costs. "calls": one. Default "cost"; of concurrency "calls". */
  readonly counts?: "cost" | "calls";
  /** "key" (default): each key has the limit to itself. "everyone": all keys share it. */
  readonly per?: "key" | "everyone";
}

/** A rule over time. */
export interface WindowOptions extends RuleOptions {
  /** 1 ms to 10 years. */
  readonly windowMs: number;
}

/** Options of {@link tokenBucket}. */
export interface TokenBucketOptions extends WindowOptions {
  /** Permits that may be taken at once after a rest, 1 to 1e9. Default `limit`. */
  readonly burst?: number;
}

/** Options of {@link leakyBucket}. */
export interface LeakyBucketOptions extends WindowOptions {
  /** Permits that may wait for their turn, 0 to 1e9 - 1. */
  readonly queueMax: number;
}

/** Options of {@link concurrency}. */
export interface ConcurrencyOptions extends RuleOptions {
  /** How long a permit is held when nobody gives it back: its holder may have died. 1 ms to 10 years. */
  readonly leaseMs: number;
}

const limitMax = 1e9;
const entriesMax = 10_000;
const yearsMs = 10 * 366 * 86_400_000;
const namePattern = /^[A-Za-z0-9._-]{1,64}$/;

/**
 * In any interval of T ms at most `burst + T × limit / windowMs` permits. O(1), three numbers a key. The continuous-state leaky bucket of
 * the generic cell rate algorithm (ITU-T I.371), in whole numbers: decisions are exact while `burst × windowMs × 1000 / gcd` stays below 2^53.
 * Throws ConfigError.
 */
export function tokenBucket(options: TokenBucketOptions): Rule {
  const rule = windowRule("token-bucket", options);
  return { ...rule, burst: integerIn("burst", options.burst ?? rule.limit, { min: 1, max: limitMax }) };
}

/**
 * Spaces calls: a granted call is told `delayMs`, after which it starts, so that starts follow one another at the rate and never in a burst;
 * when `queueMax` permits wait already it is refused. O(1), three numbers a key. Throws ConfigError.
 */
export function leakyBucket(options: LeakyBucketOptions): Rule {
  const queueMax = integerIn("queueMax", options.queueMax, { min: 0, max: limitMax - 1 });
  return { ...windowRule("leaky-bucket", options), burst: queueMax + 1 };
}

/**
 * At most `limit` permits in each window; windows begin at multiples of `windowMs` since 1970 UTC. Around an edge twice as many may pass in
 * one window's length: for calendar quotas, not for protection. O(1), two numbers a key. Throws ConfigError.
 */
export function fixedWindow(options: WindowOptions): Rule {
  return windowRule("fixed-window", options);
}

/**
 * The permits of this window plus the last window's, weighted by how much of it the sliding window still covers, are at most `limit`.
 * Even traffic is held to `limit`; traffic that comes all at the end of a window may reach just below twice `limit` in one window's length.
 * O(1), three numbers a key. Throws ConfigError. Source: Cloudflare, "How we built rate limiting capable of scaling to millions of domains".
 */
export function slidingWindow(options: WindowOptions): Rule {
  return windowRule("sliding-window", options);
}

/**
 * At most `limit` permits in any interval (t - windowMs, t], exactly. Remembers each permit, hence a `limit` of at most 10,000;
 * O(1) amortised. Throws ConfigError.
 */
export function slidingLog(options: WindowOptions): Rule {
  return windowRule("sliding-log", options, entriesMax);
}

/**
 * At most `limit` permits are held at once; each until it is given back, or `leaseMs` after it was taken or last renewed. O(1) amortised.
 * Throws ConfigError.
 */
export function concurrency(options: ConcurrencyOptions): Rule {
  const windowMs = integerIn("leaseMs", options.leaseMs, { min: 1, max: yearsMs });
  return windowRule("concurrency", { ...options, windowMs }, entriesMax);
}

function windowRule(kind: RuleKind, options: WindowOptions, max = limitMax): Rule {
  const limit = integerIn("limit", options.limit, { min: 1, max });
  return {
    kind,
    name: textOf("name", namePattern.test(options.name ?? kind) ? (options.name ?? kind) : undefined, {
      lengthMax: 64,
    }),
    per: oneOf("per", options.per ?? "key", ["key", "everyone"]),
    counts: oneOf("counts", options.counts ?? (kind === "concurrency" ? "calls" : "cost"), ["cost", "calls"]),
    limit,
    windowMs: integerIn("windowMs", options.windowMs, { min: 1, max: yearsMs }),
    burst: limit,
  };
}
