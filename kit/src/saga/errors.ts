import { type ErrorRecord, KitError } from "../errors/mod.ts";
import type { RunOutcome } from "./outcome.ts";
import { differenceOf } from "./difference.ts";

/** The id is taken by a run with another input. */
export class RunExistsError extends KitError {
  readonly code = "RUN_EXISTS";
  readonly retryable = false;
  readonly saga: string;
  readonly id: string;

  constructor(saga: string, id: string) {
    super(
      `saga "${saga}" has a run "${id}" with a different input; use the id of the business case, and another one for another case`,
    );
    this.saga = saga;
    this.id = id;
  }
}

/** There is no run with that id: never started, or forgotten. */
export class RunNotFoundError extends KitError {
  readonly code = "RUN_NOT_FOUND";
  readonly retryable = false;

  constructor(saga: string, id: string) {
    super(`saga "${saga}" has no run "${id}"`);
  }
}

/** A step has failed for good. Thrown into the saga's function; the same on every replay. */
export class StepFailedError extends KitError {
  readonly code = "STEP_FAILED";
  readonly retryable = false;
  readonly step: string;
  readonly attempts: number;
  /** What the last attempt threw. */
  readonly error: ErrorRecord;

  constructor(step: string, attempts: number, error: ErrorRecord) {
    super(`step "${step}" failed after ${attempts} ${attempts === 1 ? "attempt" : "attempts"}: ${error.message}`, {
      cause: error,
    });
    this.step = step;
    this.attempts = attempts;
    this.error = error;
  }
}

/** A child ended otherwise than completed. Thrown into the parent's function. */
export class ChildFailedError extends KitError {
  readonly code = "CHILD_FAILED";
  readonly retryable = false;
  readonly child: string;
  readonly outcome: RunOutcome;

  constructor(child: string, outcome: RunOutcome) {
    super(`child ${child} ended as ${outcome.status}`);
    this.child = child;
    this.outcome = outcome;
  }
}

/** The code asks for other operations than the journal holds. Nothing was run or written by the changed code. */
export class MismatchError extends KitError {
  readonly code = "MISMATCH";
  readonly retryable = false;
  readonly recorded: readonly string[];
  readonly current: readonly string[];

  constructor(what: string, recorded: readonly string[], current: readonly string[]) {
    super(`${what}\n${differenceOf(recorded, current)}`);
    this.recorded = recorded;
    this.current = current;
  }
}

/** Too many signals wait for one run. */
export class MailboxFullError extends KitError {
  readonly code = "MAILBOX_FULL";
  readonly retryable = true;

  constructor(saga: string, id: string, letters: number) {
    super(`run "${id}" of saga "${saga}" has ${letters} unread signals; it must read some first`);
  }
}

/** The context was used in a way that no replay could repeat. */
export class SagaUsageError extends KitError {
  readonly code = "SAGA_USAGE";
  readonly retryable = false;
}
