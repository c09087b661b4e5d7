import { type ErrorRecord, KitError } from "../errors/mod.ts";

/** The thread ended under its task, by a crash, by running out of memory or by `process.exit`. What the task did until then has happened. */
export class ThreadLostError extends KitError {
  readonly code = "THREAD_LOST";
  readonly retryable = true;
  readonly pool: string;
  readonly task: string;

  constructor(pool: string, task: string, cause: unknown) {
    super(`the thread of ${pool} that did ${task} has ended`, { cause });
    this.pool = pool;
    this.task = task;
  }
}

/** The task threw in its thread. `record` describes what: an error's class does not travel between threads. */
export class TaskFailedError extends KitError {
  readonly code = "TASK_FAILED";
  readonly retryable: boolean;
  readonly task: string;
  readonly record: ErrorRecord;

  constructor(task: string, record: ErrorRecord, repeat: "allowed" | "not allowed") {
    super(`${task} failed: ${record.name}: ${record.message}`);
    this.task = task;
    this.record = record;
    this.retryable = repeat === "allowed";
  }
}
