import { integerIn, oneOf } from "../errors/mod.ts";
import { WorkerStoppedError } from "./errors.ts";
import type { HeldJob } from "./held-job.ts";
import type { Job } from "./job.ts";
import { Pace } from "./pace.ts";
import type { Queue } from "./queue.ts";
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

  constructor(options: OpenWorkerOptions<T, Reply, Sql>) {
    const delivery = oneOf("delivery", options.delivery ?? "at-least-once", ["at-least-once", "at-most-once"]);
    this.#handle = options.handle;
    this.#runOne = delivery === "at-least-once" ? (job) => this.#atLeastOnce(job) : (job) => this.#atMostOnce(job);
    this.#concurrency = integerIn("concurrency", options.concurrency ?? 16, { min: 1, max: 10_000 });
    this.#prefetch = integerIn("prefetch", options.prefetch ?? this.#concurrency * 2, { min: 0, max: 20_000 });
    this.#pace = new Pace(options.queue.engine.clock, this.#concurrency);
    this.#bench = new Workbench({ ...options, room: () => this.#room(), work: () => this.#startWaiting() });
    this.#bench.open();
  }

  get state(): WorkerState {
    return this.#bench.state;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#bench.close();
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
    const { settler } = this.#bench;
    let settled: Promise<void>;
    try {
      if (job.leaseUntilMs <= job.startedAtMs) await this.#bench.confirmLease(job);
      if (job.state === "held") {
        job.decode();
        settled = settler.done(job, await this.#handle(job));
      } else settled = settledAlready;
    } catch (error) {
      const stopped = job.abortReason instanceof WorkerStoppedError;
      settled = stopped ? settler.release([job]) : settler.failed(job, error);
    }
    this.#pace.ended++;
    await this.#bench.leave(job, settled);
  }

  async #atMostOnce(job: Held<T, Reply, Sql>): Promise<void> {
    const { settler } = this.#bench;
    let settled = settledAlready;
    if (await settler.settleFirst(job))
      try {
        job.decode();
        settled = settler.doneLate(job, { kind: "done", reply: await this.#handle(job) });
      } catch (error) {
        settled = settler.doneLate(job, { kind: "failed", error });
      }
    this.#pace.ended++;
    await this.#bench.leave(job, settled);
  }
}
