import type { Clock, Timer } from "../clock/mod.ts";
import { TimeoutError } from "../errors/mod.ts";

/** A running job as its time budget sees it. */
export interface Budgeted {
  readonly id: string;
  /** When its time is over, on the monotonic clock. */
  deadlineMs: number;
  /** Why its signal is aborted. */
  readonly abortReason: unknown;
  abort(reason: unknown): void;
}

export interface TimeBudgetOptions<J extends Budgeted> {
  readonly clock: Clock;
  readonly timeoutMs: number;
  /** How long a handler may take to end after its signal aborted. */
  readonly graceMs: number;
  /** In the order in which they started. */
  readonly running: { values(): Iterable<J> };
  /** The handler did not end in its time of grace. When it is given up, the job leaves `running`. */
  readonly giveUp: (job: J) => "given up" | "later";
}

const laterMs = 1_000;

/** Aborts jobs that run for too long. All have the same budget, so the order of their starts is that of their deadlines,
 *  and one timer for the oldest serves a worker: a job costs one look at the clock. */
export class TimeBudget<J extends Budgeted> {
  readonly #options: TimeBudgetOptions<J>;
  #timer: Timer | undefined;

  constructor(options: TimeBudgetOptions<J>) {
    this.#options = options;
  }

  /** To be called as soon as the job is among those that run. */
  started(job: J): void {
    const { clock, timeoutMs } = this.#options;
    job.deadlineMs = clock.monotonic() + timeoutMs;
    this.#timer ??= this.#setTimer(timeoutMs);
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
    for (const job of this.#options.running.values()) {
      nextMs = Math.min(nextMs, this.#judge(job, nowMs));
      if (job.deadlineMs > nowMs) break; // later ones have even more time
    }
    this.#timer = nextMs === Infinity ? undefined : this.#setTimer(nextMs - nowMs);
  };

  /** When to look at the job again. */
  #judge(job: J, nowMs: number): number {
    const { timeoutMs, graceMs, giveUp } = this.#options;
    if (job.deadlineMs > nowMs) return job.deadlineMs;
    if (job.abortReason === undefined) job.abort(new TimeoutError(`job ${job.id}`, timeoutMs));
    if (job.deadlineMs + graceMs > nowMs) return job.deadlineMs + graceMs;
    return giveUp(job) === "later" ? nowMs + laterMs : Infinity;
  }
}
