import { integerIn, oneOf } from "../errors/mod.ts";
import { WorkerStoppedError } from "./errors.ts";
import type { HeldJob } from "./held-job.ts";
import type { Job } from "./job.ts";
import { Pace } from "./pace.ts";
import type { Queue } from "./queue.ts";
import type { HandlerEnd } from "./settler.ts";
import { TimeBudget } from "./time-budget.ts";
import { Workbench } from "./workbench.ts";
import type { Worker, WorkerState, WorkerTuning } from "./worker-options.ts";

/** What to work on, and how. */
export interface OpenWorkerOptions<T, Reply, Sql> extends WorkerTuning {
  readonly queue: Queue<T, Reply, Sql>;
  /** Runs one job. Returning acknowledges it (the value answers `ask`); throwing fails the attempt. */
  readonly handle: (job: Job<T, Sql>) => Promise<Reply | void>;
  /** Handlers at once, 1 to 10,000. Default 16. */
  readonly concurrency?: number | undefined;
  /** Jobs claimed ahead, so that a free slot never waits for the store; 0 to 20,000. Default twice `concurrency`.
   *  Fewer are taken while handlers are slow, so that jobs do not wait here while another worker is idle. */
  readonly prefetch?: number | undefined;
  /** `at-least-once` (default) settles after the handler. `at-most-once` settles before: a job whose worker dies, or whose handler throws, is gone. */
  readonly delivery?: "at-least-once" | "at-most-once" | undefined;
  /** Time budget of an attempt, 1 ms to 24 h; default none. When it is used up, `job.signal` aborts with `TimeoutError`. The attempt fails with
   *  that error, and follows the retry plan, once the handler has ended, whatever it returned, or after `drainMs` without waiting for it:
   *  its slot is then free, and what the handler still does is not recorded. A job that `job.tx` has settled stays settled; one whose worker
   *  had told it to stop before goes back uncounted. */
  readonly timeoutMs?: number | undefined;
}

/** Starts to work on a queue at once. Throws {@link ConfigError}. The worker holds the process until it is closed. */
export async function openWorker<T, Reply = unknown, Sql = unknown>(
  options: OpenWorkerOptions<T, Reply, Sql>,
): Promise<Worker> {
  return new QueueWorker(options);
}

type Held<T, Reply, Sql> = HeldJob<T, Reply, Sql>;

const settledAlready = Promise.resolve();

class QueueWorker<T, Reply, Sql> implements Worker {
  readonly #handle: (job: Job<T, Sql>) => Promise<Reply | void>;
  readonly #concurrency: number;
  readonly #prefetch: number;
  readonly #runOne: (job: Held<T, Reply, Sql>) => Promise<void>;
  readonly #pace: Pace;
  readonly #bench: Workbench<T, Reply, Sql>;
  readonly #budget: TimeBudget<Held<T, Reply, Sql>> | undefined;

  constructor(options: OpenWorkerOptions<T, Reply, Sql>) {
    const delivery = oneOf("delivery", options.delivery ?? "at-least-once", ["at-least-once", "at-most-once"]);
    this.#handle = options.handle;
    this.#runOne = delivery === "at-least-once" ? (job) => this.#atLeastOnce(job) : (job) => this.#atMostOnce(job);
    this.#concurrency = integerIn("concurrency", options.concurrency ?? 16, { min: 1, max: 10_000 });
    this.#prefetch = integerIn("prefetch", options.prefetch ?? this.#concurrency * 2, { min: 0, max: 20_000 });
    this.#pace = new Pace(options.queue.engine.clock, this.#concurrency);
    this.#bench = new Workbench({ ...options, room: () => this.#room(), work: () => this.#startWaiting() });
    this.#budget = options.timeoutMs === undefined ? undefined : this.#budgetOf(options.timeoutMs, options);
    this.#bench.open();
  }

  get state(): WorkerState {
    return this.#bench.state;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#bench.close();
    this.#budget?.stop();
  }

  #budgetOf(timeoutMs: number, options: OpenWorkerOptions<T, Reply, Sql>): TimeBudget<Held<T, Reply, Sql>> {
    return new TimeBudget({
      clock: options.queue.engine.clock,
      timeoutMs: integerIn("timeoutMs", timeoutMs, { min: 1, max: 86_400_000 }),
      graceMs: this.#bench.drainMs,
      giveUp: (job) => this.#giveUp(job),
    });
  }

  /** Claims in large steps while there is work at hand, and at once when a slot would stay empty. */
  #room(): number {
    const { running, waiting, settling } = this.#bench;
    const taken = running.size + waiting.size;
    const ahead = this.#pace.ahead(this.#prefetch);
    const room = this.#concurrency + ahead - taken;
    if (taken >= this.#concurrency && room * 2 < ahead) return 0;
    // Settlements pile up when the store is slow; their leases are held too.
    return Math.min(room, (this.#concurrency + this.#prefetch) * 4 - settling - taken);
  }

  #startWaiting(): void {
    while (this.#bench.running.size < this.#concurrency) {
      const job = this.#bench.next();
      if (job === undefined) return;
      void this.#runOne(job);
    }
  }

  async #atLeastOnce(job: Held<T, Reply, Sql>): Promise<void> {
    let settled: Promise<void>;
    try {
      if (job.leaseUntilMs <= job.startedAtMs) await this.#bench.confirmLease(job);
      if (job.state === "held") {
        job.decode();
        this.#budget?.started(job);
        settled = this.#done(job, await this.#handle(job));
      } else settled = settledAlready;
    } catch (error) {
      settled = this.#failed(job, error);
    }
    if (!job.isGivenUp) void this.#leave(job, settled);
  }

  async #atMostOnce(job: Held<T, Reply, Sql>): Promise<void> {
    let settled = settledAlready;
    if (await this.#bench.settler.settleFirst(job))
      try {
        job.decode();
        this.#budget?.started(job);
        settled = this.#endedLate(job, { kind: "done", reply: await this.#handle(job) });
      } catch (error) {
        settled = this.#endedLate(job, { kind: "failed", error });
      }
    if (!job.isGivenUp) void this.#leave(job, settled);
  }

  #done(job: Held<T, Reply, Sql>, reply: unknown): Promise<void> {
    const { overTime } = job;
    const isLate = overTime !== undefined && job.state === "held";
    return isLate || job.isGivenUp ? this.#failed(job, overTime) : this.#bench.settler.done(job, reply);
  }

  #failed(job: Held<T, Reply, Sql>, error: unknown): Promise<void> {
    if (job.isGivenUp) return settledAlready;
    if (job.abortReason instanceof WorkerStoppedError) return this.#bench.settler.release([job]);
    return this.#bench.settler.failed(job, job.overTime ?? error);
  }

  #endedLate(job: Held<T, Reply, Sql>, end: HandlerEnd): Promise<void> {
    if (job.isGivenUp) return settledAlready;
    const { overTime } = job;
    const late = overTime === undefined ? end : ({ kind: "failed", error: overTime } as const);
    return this.#bench.settler.doneLate(job, late);
  }

  /** Goes on without the handler, which may run for good. */
  #giveUp(job: Held<T, Reply, Sql>): "given up" | "later" {
    if (job.state === "settling") return "later"; // by job.tx, which decides
    const { overTime } = job;
    const ended = job.isSettledFirst
      ? this.#endedLate(job, { kind: "failed", error: overTime })
      : this.#failed(job, overTime);
    job.isGivenUp = true;
    void this.#leave(job, ended);
    return "given up";
  }

  #leave(job: Held<T, Reply, Sql>, settled: Promise<void>): Promise<void> {
    this.#pace.ended++;
    this.#budget?.ended(job);
    return this.#bench.leave(job, settled);
  }
}
