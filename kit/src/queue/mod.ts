export { queue, type QueueDefinition, type QueueOptions } from "./definition.ts";
export type { Added, AddManyOptions, AddOptions, MessageOptions } from "./add-options.ts";
export {
  type AskOptions,
  type JobsOptions,
  openQueue,
  type OpenQueueOptions,
  type Queue,
  type QueueEngine,
  type QueueReport,
} from "./queue.ts";
export type { ListOptions } from "./list-jobs.ts";
export type { DeadLetters, PurgeOptions, RedriveOptions } from "./dead-letters.ts";
export type { StoredJob } from "./stored-job.ts";
export type { JobFailure } from "./failure.ts";
export { openWorker, type OpenWorkerOptions } from "./worker.ts";
export { type BatchOutcome, openBatchWorker, type OpenBatchWorkerOptions } from "./batch-worker.ts";
export {
  openTopic,
  type OpenTopicOptions,
  type PublishOptions,
  type SubscriptionOptions,
  topic,
  type Topic,
  type TopicDefinition,
  type TopicOptions,
} from "./topic.ts";
export type { Worker, WorkerFault, WorkerState, WorkerTuning } from "./worker-options.ts";
export type { InboxOptions, Job } from "./job.ts";
export { BatchOutcomesError, JobInputError, QueueFullError, ReplyError, WorkerStoppedError } from "./errors.ts";
export {
  decideRetry,
  nextDelay,
  retryAfterMaxMs,
  retryPlan,
  type RetryDecision,
  type RetryPlan,
  type RetryPlanOptions,
} from "./retry-plan.ts";
