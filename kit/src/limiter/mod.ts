export { limiter, type LimiterOptions, type NowLimiterOptions, type StoreLimiterOptions } from "./limiter.ts";
export type { Limiter, NowLimiter, TakeOptions } from "./limiter-calls.ts";
export type { Rule, RuleKind, PlacedRule } from "./rule.ts";
export {
  concurrency,
  type ConcurrencyOptions,
  fixedWindow,
  leakyBucket,
  type LeakyBucketOptions,
  type RuleOptions,
  slidingLog,
  slidingWindow,
  tokenBucket,
  type TokenBucketOptions,
  type WindowOptions,
} from "./rules.ts";
export type {
  Decision,
  Granted,
  GrantedNow,
  JudgedBy,
  LimitStatus,
  NowDecision,
  Refused,
  RefusedNow,
} from "./decision.ts";
export type { StoreDown } from "./guarded-store.ts";
export type { Ask, Receipt } from "./algorithm.ts";
export type { LimiterStore, NowStore, Shelf, Standing, StoreCall, Target, Verdict } from "./store.ts";
export {
  adaptiveFactor,
  type AdaptiveFactor,
  type AdaptiveOptions,
  type Pressure,
  type PressureTargets,
} from "./adaptive.ts";
export { systemPressure } from "./pressure-system.ts";
export { type FieldFacts, type LegacyFields, legacyRateLimitFields, rateLimitFields } from "./rate-limit-fields.ts";
export { type Admission, type GuardReply, httpGuard, type HttpGuard, type HttpGuardOptions } from "./http-guard.ts";
export { type ApiToGuard, guardApi, type GuardedRequest } from "./guard-api.ts";
