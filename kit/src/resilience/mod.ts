export { pipeline, type Pipeline, type PipelineOptions, type PipelineReport } from "./pipeline.ts";
export type { PipelineWarning, Semantics } from "./check-order.ts";
export type { CallContext, ParentCall, Work } from "./call-context.ts";
export type { CallOptions } from "./call.ts";
export type { Failure, FailureReason, Outcome, StopReason, Success } from "./outcome.ts";
export {
  deadline,
  type DeadlineLayer,
  fallback,
  type FallbackLayer,
  type FallbackStep,
  hedge,
  type HedgeLayer,
  type HedgeOptions,
  type Layer,
  retry,
  type RetryLayer,
  type RetryOptions,
  timeout,
  type TimeoutLayer,
} from "./layers.ts";
export type { Patience, PatienceOptions } from "./patience.ts";
export type { Guard, Passage } from "./guard.ts";
export type { Ended, Judge, Priority, Verdict } from "./verdict.ts";
export type { Refusal, RefusalReason } from "./refusal.ts";
export { CallRefusedError } from "./errors.ts";
export { breaker, type Breaker } from "./breaker.ts";
export type { BreakerOptions, ProbeOptions, SlowOptions, Trip } from "./breaker-options.ts";
export type { BreakerPermit } from "./breaker-permit.ts";
export type {
  BreakerCause,
  BreakerChange,
  BreakerReport,
  BreakerSnapshot,
  BreakerState,
  BreakerTotals,
} from "./breaker-report.ts";
export { shareVotes, type ShareVotesOptions } from "./share-votes.ts";
export { type BreakerVote, memoryVoteBus, type VoteBus } from "./vote-bus.ts";
export {
  type Backoff,
  type BackoffOptions,
  type BackoffStep,
  decorrelatedJitter,
  exponentialBackoff,
  fixedDelay,
  type Jitter,
  linearBackoff,
  smoothJitter,
} from "./backoff.ts";
export { parseRetryAfter, retryAfterOf } from "./retry-after.ts";
export { retryBudget, type RetryBudget, type RetryBudgetOptions, type RetryBudgetReport } from "./retry-budget.ts";
export { quantileDelay, type QuantileDelay, type QuantileDelayOptions } from "./quantile-delay.ts";
export {
  bulkhead,
  type Bulkhead,
  type BulkheadOptions,
  type BulkheadReport,
  type Room,
  type RoomRequest,
} from "./bulkhead.ts";
export {
  adaptiveLimit,
  type AdaptiveLimit,
  type AdaptiveLimitOptions,
  type AdaptiveLimitReport,
} from "./adaptive-limit.ts";
export type { LimitAlgorithm, LimitSample } from "./limit-algorithm.ts";
export {
  memoryBudget,
  type MemoryBudget,
  type MemoryBudgetOptions,
  type MemoryBudgetReport,
  type MemoryGrant,
} from "./memory-budget.ts";
export {
  type ConnectionPoolReport,
  connectionPools,
  type ConnectionPools,
  type ConnectionPoolsOptions,
  type HeldConnection,
} from "./connection-pools.ts";
export {
  type TaskOptions,
  type ThreadPoolReport,
  threadPools,
  type ThreadPools,
  type ThreadPoolsOptions,
} from "./thread-pools-system.ts";
export { serveTasks, type Tasks } from "./serve-tasks-system.ts";
export { TaskFailedError, ThreadLostError } from "./thread-errors.ts";
export { singleFlight, type FlightContext, type SingleFlight, type SingleFlightOptions } from "./single-flight.ts";
export {
  batcher,
  type Batcher,
  type BatcherOptions,
  type BatcherReport,
  type FlushContext,
  type ItemResult,
} from "./batcher.ts";
