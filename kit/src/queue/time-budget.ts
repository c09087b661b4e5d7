import type { Clock, Timer } from "../clock/mod.ts";
import { TimeoutError } from "../errors/mod.ts";

/** A running job as its time budget sees it. */
export interface Budgeted {
  readonly id: string;
  /** When its time is over, on the monotonic clock. */
  deadlineMs: number;
  /** That its time is over; its signal may have been aborted before, and for another reason. */
  overTime: TimeoutError | undefined;
  abort(reason: unknown): void;
}

export interface TimeBudgetOptions<J extends Budgeted> {
  readonly clock: Clock;
  readonly timeoutMs: number;
  /** How long a handler may take to end after its signal aborted. */
  readonly graceMs: number;
  /** The handler did not end in its time of grace. When it is given up, its job is told to have `ended`. */
  readonly giveUp: (job: J) => "given up" | "later";
}

const laterMs = 1_000;

/** Aborts jobs that run for too long. All have the same budget, so the order of their starts is that of their deadlines,
 *  and one timer for the oldest serves a worker: a job costs one look at the clock. */
export class TimeBudget<J extends Budgeted> {
  readonly #options: TimeBudgetOptions<J>;
  /** In the order in which their handlers started. */
  readonly #running = new Set<J>();
  #timer: Timer | undefined;

  constructor(options: TimeBudgetOptions<J>) {
    this.#options = options;
  }

  /** To be called when the handler starts: what its worker has to ask the store before is not held against the job. */
  started(job: J): void {
    const { clock, timeoutMs } = this.#options;
    job.deadlineMs = clock.monotonic() + timeoutMs;
    this.#running.add(job);
    this.#timer ??= this.#setTimer(timeoutMs);
  }

  ended(job: J): void {
    this.#running.delete(job);
  }

  stop(): void {
    this.#timer?.cancel();
  }

  #setTimer(delayMs: number): Timer {
    // Timers ring in whole milliseconds; an early one would only have to be set again.
    return this.#options.clock.setTimer(Math.ceil(delayMs), this.#ring, { holdsProcess: "no" });
  }

  readonly #ring = (): void => {
    const nowMs = this.#options.clock.monotonic();
    let nextMs = Infinity;
    for (const job of this.#running) {
      nextMs = Math.min(nextMs, this.#judge(job, nowMs));
      if (job.deadlineMs > nowMs) break; // later ones have even more time
    }
    this.#timer = nextMs === Infinity ? undefined : this.#setTimer(nextMs - nowMs);
  };

  /** When to look at the job again. */
  #judge(job: J, nowMs: number): number {
    const { timeoutMs, graceMs, giveUp } = this.#options;
    if (job.deadlineMs > nowMs) return job.deadlineMs;
    if (job.overTime === undefined) {
      job.overTime = new TimeoutError(`job ${job.id}`, timeoutMs);
      job.abort(job.overTime);
    }
    if (job.deadlineMs + graceMs > nowMs) return job.deadlineMs + graceMs;
    return giveUp(job) === "later" ? nowMs + laterMs : Infinity;
  }
}
