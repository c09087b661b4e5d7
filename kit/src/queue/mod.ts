export {
  decideRetry,
  nextDelay,
  retryAfterMaxMs,
  retryPlan,
  type RetryDecision,
  type RetryPlan,
  type RetryPlanOptions,
} from "./retry-plan.ts";
