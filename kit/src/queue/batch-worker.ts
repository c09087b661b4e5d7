import type { Timer } from "../clock/mod.ts";
import { integerIn } from "../errors/mod.ts";
import { BatchOutcomesError, WorkerStoppedError } from "./errors.ts";
import type { HeldJob } from "./held-job.ts";
import type { Job } from "./job.ts";
import type { Queue } from "./queue.ts";
import { Workbench } from "./workbench.ts";
import type { Worker, WorkerState, WorkerTuning } from "./worker-options.ts";

/** What became of one job of a batch. */
export type BatchOutcome<Reply = unknown> =
  | { readonly status: "done"; readonly reply?: Reply }
  | { readonly status: "failed"; readonly error: unknown };

/** What to work on, in which portions, and how. */
export interface OpenBatchWorkerOptions<T, Reply, Sql> extends WorkerTuning {
  readonly queue: Queue<T, Reply, Sql>;
  /** Most jobs of a batch, 1 to 10,000. */
  readonly size: number;
  /** How long the first job of a batch waits for others, 0 ms to 1 min. */
  readonly waitMs: number;
  /** Returns one outcome a job, in their order: each is settled by itself. Throwing, or another number of outcomes, fails all of them. */
  readonly handle: (jobs: readonly Job<T, Sql>[]) => Promise<readonly BatchOutcome<Reply>[]>;
  /** Batches at once, 1 to 1000. Default 1. */
  readonly concurrency?: number | undefined;
}

/** Works on a queue in batches: a batch starts when it is full, or when its oldest job has waited for `waitMs`. Everything else is
 *  as for a plain worker. A job that took a worker down before gets a batch of its own. Throws {@link ConfigError}. */
export async function openBatchWorker<T, Reply = unknown, Sql = unknown>(
  options: OpenBatchWorkerOptions<T, Reply, Sql>,
): Promise<Worker> {
  return new BatchWorker(options);
}

type Held<T, Reply, Sql> = HeldJob<T, Reply, Sql>;

class BatchWorker<T, Reply, Sql> implements Worker {
  readonly #queue: Queue<T, Reply, Sql>;
  readonly #handle: OpenBatchWorkerOptions<T, Reply, Sql>["handle"];
  readonly #size: number;
  readonly #waitMs: number;
  readonly #concurrency: number;
  readonly #bench: Workbench<T, Reply, Sql>;
  #batches = 0;
  #timer: Timer | undefined;
  #due = false;

  constructor(options: OpenBatchWorkerOptions<T, Reply, Sql>) {
    this.#queue = options.queue;
    this.#handle = options.handle;
    this.#size = integerIn("size", options.size, { min: 1, max: 10_000 });
    this.#waitMs = integerIn("waitMs", options.waitMs, { min: 0, max: 60_000 });
    this.#concurrency = integerIn("concurrency", options.concurrency ?? 1, { min: 1, max: 1_000 });
    this.#bench = new Workbench({ ...options, room: () => this.#room(), work: () => this.#startBatches() });
    this.#bench.open();
  }

  get state(): WorkerState {
    return this.#bench.state;
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#timer?.cancel();
    return this.#bench.close();
  }

  #room(): number {
    // One batch ahead: it fills while the others run.
    return this.#size * (this.#concurrency + 1) - this.#bench.running.size - this.#bench.waiting.size;
  }

  #startBatches(): void {
    const { waiting } = this.#bench;
    while (this.#batches < this.#concurrency && (waiting.size >= this.#size || (this.#due && waiting.size > 0)))
      this.#startBatch();
    if (waiting.size > 0 && !this.#due) this.#timer ??= this.#queue.engine.clock.setTimer(this.#waitMs, this.#ring);
  }

  readonly #ring = (): void => {
    this.#timer = undefined;
    this.#due = true;
    this.#bench.turn();
  };

  #startBatch(): void {
    const jobs: Held<T, Reply, Sql>[] = [];
    for (let next = this.#next(jobs); next !== undefined; next = this.#next(jobs)) jobs.push(next);
    this.#due = false;
    this.#timer?.cancel();
    this.#timer = undefined;
    if (jobs.length > 0) void this.#run(jobs);
  }

  #next(jobs: readonly Held<T, Reply, Sql>[]): Held<T, Reply, Sql> | undefined {
    const isSuspect = jobs[0] !== undefined && jobs[0].crashes > 0;
    const beforeSuspect = jobs.length > 0 && (this.#bench.waiting.peekFront()?.crashes ?? 0) > 0;
    return jobs.length >= this.#size || isSuspect || beforeSuspect ? undefined : this.#bench.next();
  }

  async #run(taken: readonly Held<T, Reply, Sql>[]): Promise<void> {
    this.#batches++;
    const ends = new Map<Held<T, Reply, Sql>, Promise<void>>();
    const jobs = await this.#readable(taken, ends);
    try {
      const outcomes = jobs.length === 0 ? [] : await this.#handle(jobs);
      if (outcomes.length !== jobs.length)
        throw new BatchOutcomesError(this.#queue.definition.name, jobs.length, outcomes.length);
      jobs.forEach((job, index) => ends.set(job, this.#settle(job, outcomes[index])));
    } catch (error) {
      for (const job of jobs) ends.set(job, this.#fail(job, error));
    }
    this.#batches--;
    await Promise.all(taken.map((job) => this.#bench.leave(job, ends.get(job) ?? Promise.resolve())));
  }

  /** The jobs that are ours and can be read; what cannot be read is dead by itself and does not harm the batch. */
  async #readable(
    taken: readonly Held<T, Reply, Sql>[],
    ends: Map<Held<T, Reply, Sql>, Promise<void>>,
  ): Promise<readonly Held<T, Reply, Sql>[]> {
    const jobs: Held<T, Reply, Sql>[] = [];
    for (const job of taken) {
      await this.#bench.confirmLease(job);
      if (job.state !== "held") continue;
      try {
        job.decode();
        jobs.push(job);
      } catch (error) {
        ends.set(job, this.#bench.settler.failed(job, error));
      }
    }
    return jobs;
  }

  #settle(job: Held<T, Reply, Sql>, outcome: BatchOutcome<Reply> | undefined): Promise<void> {
    if (outcome?.status === "done") return this.#bench.settler.done(job, outcome.reply);
    return this.#fail(job, outcome?.error);
  }

  #fail(job: Held<T, Reply, Sql>, error: unknown): Promise<void> {
    const { settler } = this.#bench;
    return job.abortReason instanceof WorkerStoppedError ? settler.release([job]) : settler.failed(job, error);
  }
}
