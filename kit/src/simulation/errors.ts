import { KitError } from "../errors/mod.ts";
import type { Waiting } from "./waits.ts";

/** Nothing is left that could happen, and something still waits. */
export class DeadlockError extends KitError {
  readonly code = "SIMULATION_DEADLOCK";
  readonly retryable = false;
  readonly waiting: readonly Waiting[];

  constructor(atMs: number, waiting: readonly Waiting[]) {
    super(`nothing can happen any more after ${atMs} ms, and these wait: ${waitingText(waiting)}`);
    this.waiting = waiting;
  }
}

/** What has to come to an end after all faults have healed did not, in the time it was given. */
export class LivenessError extends KitError {
  readonly code = "SIMULATION_LIVENESS";
  readonly retryable = false;
  readonly waiting: readonly Waiting[];

  constructor(withinMs: number, waiting: readonly Waiting[]) {
    super(`not over ${withinMs} ms after everything had healed; these wait: ${waitingText(waiting)}`);
    this.waiting = waiting;
  }
}

/** A rule that must hold between any two events does not. */
export class InvariantBrokenError extends KitError {
  readonly code = "SIMULATION_INVARIANT";
  readonly retryable = false;
  readonly invariant: string;

  constructor(invariant: string, cause: unknown) {
    super(`${invariant}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
    this.invariant = invariant;
  }
}

/** Something real (a timer, a file, a socket) was begun where everything must be virtual. The stack says where. */
export class LeakError extends KitError {
  readonly code = "SIMULATION_LEAK";
  readonly retryable = false;
  readonly resource: string;

  constructor(resource: string) {
    super(
      `a real ${resource} was begun in a virtual world; take the clock, the random source and the files of the host`,
    );
    this.resource = resource;
  }
}

function waitingText(waiting: readonly Waiting[]): string {
  if (waiting.length === 0) return "nobody that is known";
  return waiting.map(({ who, what, sinceMs }) => `${who} for ${what} (since ${sinceMs} ms)`).join("; ");
}
