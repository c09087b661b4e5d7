import { type ErrorRecord, KitError } from "../errors/mod.ts";

/** The queue holds as many unfinished jobs as it may. Nothing was added; come back later or shed the load. */
export class QueueFullError extends KitError {
  readonly code = "QUEUE_FULL";
  readonly retryable = true;
  readonly queue: string;
  readonly depth: number;
  readonly depthMax: number;

  constructor(queue: string, depth: number, depthMax: number) {
    super(`queue "${queue}" holds ${depth} jobs, its limit is ${depthMax}`);
    this.queue = queue;
    this.depth = depth;
    this.depthMax = depthMax;
  }
}

/** A stored job cannot be read by its codec. A worker sends it to the dead letters at once; another attempt would read the same text. */
export class JobInputError extends KitError {
  readonly code = "JOB_INPUT";
  readonly retryable = false;
  readonly queue: string;
  readonly id: string;

  constructor(queue: string, id: string, cause: unknown) {
    super(`the input of job ${id} of queue "${queue}" cannot be decoded`, { cause });
    this.queue = queue;
    this.id = id;
  }
}

/** The job behind an `ask` went to the dead letters. `record` is the last failure, as the worker saw it. */
export class ReplyError extends KitError {
  readonly code = "REPLY";
  readonly retryable = false;
  readonly queue: string;
  readonly record: ErrorRecord;

  constructor(queue: string, record: ErrorRecord) {
    super(`the job asked of queue "${queue}" failed for good: ${record.message}`);
    this.queue = queue;
    this.record = record;
  }
}

/** Reason of a job's signal when its worker is closed and the time to drain is over. The job goes back uncounted. */
export class WorkerStoppedError extends KitError {
  readonly code = "WORKER_STOPPED";
  readonly retryable = true;

  constructor(queue: string) {
    super(`the worker of queue "${queue}" is stopping`);
  }
}

/** A batch handler did not answer with exactly one outcome per job. Every job of the batch counts as failed. */
export class BatchOutcomesError extends KitError {
  readonly code = "BATCH_OUTCOMES";
  readonly retryable = true;

  constructor(queue: string, jobs: number, outcomes: unknown) {
    super(`the batch handler of queue "${queue}" got ${jobs} jobs and returned ${String(outcomes)} outcomes`);
  }
}
