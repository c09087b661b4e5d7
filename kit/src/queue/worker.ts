import { type Deque, deque } from "../collections/mod.ts";
import { gate, type Gate } from "../abort/mod.ts";
import { integerIn, oneOf } from "../errors/mod.ts";
import type { Claim } from "../engine/mod.ts";
import { WorkerStoppedError } from "./errors.ts";
import { HeldJob } from "./held-job.ts";
import { Intake } from "./intake.ts";
import type { Job } from "./job.ts";
import { LeaseKeeper } from "./lease-keeper.ts";
import type { Queue } from "./queue.ts";
import { Settler } from "./settler.ts";
import { guarded, type Worker, type WorkerState, type WorkerTuning } from "./worker-options.ts";

export interface OpenWorkerOptions<T, Reply, Sql> extends WorkerTuning {
  readonly queue: Queue<T, Reply, Sql>;
  /** Runs one job. Returning acknowledges it (the value answers `ask`); throwing fails the attempt. */
  readonly handle: (job: Job<T, Sql>) => Promise<Reply | void>;
  /** Handlers at once, 1 to 10,000. Default 16. */
  readonly concurrency?: number | undefined;
  /** Jobs claimed ahead, so that a free slot never waits for the store; 0 to 10,000. Default twice `concurrency`.
   *  Less are taken while handlers are slow, so that jobs do not wait here while another worker is idle. */
  readonly prefetch?: number | undefined;
  /** `at-least-once` (default) settles after the handler. `at-most-once` settles before: a job whose worker dies, or whose handler throws, is gone. */
  readonly delivery?: "at-least-once" | "at-most-once" | undefined;
}

/** A prefetched job should start within about this time, or it had better stay in the queue. */
const prefetchHorizonMs = 100;
/** After its signal aborted, a handler gets so long to end by itself before its job is handed back under it. */
const abortGraceMs = 1_000;

/** Starts to work on a queue at once. Throws {@link ConfigError}. The worker holds the process until it is closed. */
export async function openWorker<T, Reply = unknown, Sql = unknown>(
  options: OpenWorkerOptions<T, Reply, Sql>,
): Promise<Worker> {
  return new QueueWorker(options);
}

type Held<T, Reply, Sql> = HeldJob<T, Reply, Sql>;

class QueueWorker<T, Reply, Sql> implements Worker {
  readonly #queue: Queue<T, Reply, Sql>;
  readonly #handle: (job: Job<T, Sql>) => Promise<Reply | void>;
  readonly #concurrency: number;
  readonly #prefetch: number;
  readonly #delivery: "at-least-once" | "at-most-once";
  readonly #drainMs: number;
  readonly #keeper: LeaseKeeper<Held<T, Reply, Sql>>;
  readonly #settler: Settler<T, Reply, Sql>;
  readonly #intake: Intake;
  readonly #waiting: Deque<Held<T, Reply, Sql>> = deque();
  readonly #running = new Set<Held<T, Reply, Sql>>();
  #settling = 0;
  #suspects = 0;
  #ended = 0;
  #endedPerMs = 0;
  #measuredAtMs: number;
  #closing: Promise<void> | undefined;
  #idle: Gate<void> | undefined;

  constructor(options: OpenWorkerOptions<T, Reply, Sql>) {
    const { queue, pollMs = 1_000 } = options;
    this.#queue = queue;
    this.#handle = options.handle;
    this.#concurrency = integerIn("concurrency", options.concurrency ?? 16, { min: 1, max: 10_000 });
    this.#prefetch = integerIn("prefetch", options.prefetch ?? this.#concurrency * 2, { min: 0, max: 20_000 });
    this.#delivery = oneOf("delivery", options.delivery ?? "at-least-once", ["at-least-once", "at-most-once"]);
    this.#drainMs = integerIn("drainMs", options.drainMs ?? 10_000, { min: 0, max: 3_600_000 });
    const fault = guarded(options.onFault);
    this.#measuredAtMs = queue.engine.clock.monotonic();
    this.#keeper = new LeaseKeeper({
      engine: queue.engine,
      leaseMs: queue.definition.leaseMs,
      onLost: (job) => this.#settler.lost(job),
      onExtendFault: (error) => fault({ what: "extend", error }),
    });
    this.#settler = new Settler({ queue, keeper: this.#keeper, onFault: fault });
    this.#intake = new Intake({
      engine: queue.engine,
      definition: queue.definition,
      pollMs: integerIn("pollMs", pollMs, { min: 10, max: 60_000 }),
      room: () => this.#room(),
      // A job that took a worker down runs without others of its kind beside it, or they would all be blamed again.
      suspects: () => (this.#suspects === 0 ? 1 : 0),
      take: (claims) => this.#take(claims),
      onFault: (error) => fault({ what: "claim", error }),
    });
    this.#intake.look();
  }

  get state(): WorkerState {
    return { running: this.#running.size, prefetched: this.#waiting.size, settling: this.#settling };
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  /** Claims in large steps while there is work at hand, at once when a slot would stay empty. */
  #room(): number {
    const taken = this.#running.size + this.#waiting.size;
    const ahead = this.#ahead();
    const room = this.#concurrency + ahead - taken;
    if (taken >= this.#concurrency && room * 2 < ahead) return 0;
    // Settlements pile up when the store is slow; their leases are held too.
    return Math.min(room, (this.#concurrency + this.#prefetch) * 4 - this.#settling - taken);
  }

  #ahead(): number {
    const nowMs = this.#queue.engine.clock.monotonic();
    const elapsedMs = nowMs - this.#measuredAtMs;
    if (elapsedMs >= 5 || this.#ended >= this.#concurrency) {
      const perMs = this.#ended / Math.max(elapsedMs, 0.001);
      this.#endedPerMs = (this.#endedPerMs + perMs) / 2;
      this.#measuredAtMs = nowMs;
      this.#ended = 0;
    }
    return Math.min(this.#prefetch, Math.ceil(this.#endedPerMs * prefetchHorizonMs));
  }

  #take(claims: readonly Claim[]): void {
    for (const claim of claims) {
      const job = new HeldJob(this.#queue, claim);
      if (claim.crashes > 0) this.#suspects++;
      this.#keeper.hold(job);
      this.#waiting.pushBack(job);
    }
    this.#startWaiting();
  }

  #startWaiting(): void {
    while (this.#closing === undefined && this.#running.size < this.#concurrency) {
      const job = this.#waiting.popFront();
      if (job === undefined) break;
      if (job.state === "held") void this.#run(job);
      else this.#forget(job);
    }
    this.#intake.roomGrew();
  }

  async #run(job: Held<T, Reply, Sql>): Promise<void> {
    this.#running.add(job);
    job.startedAtMs = this.#queue.engine.clock.now();
    // After a pause of the whole process the lease may be over but not yet taken: ask before doing the work twice.
    if (job.leaseUntilMs <= job.startedAtMs) await this.#keeper.renew();
    const ends = this.#delivery === "at-most-once" ? await this.#atMostOnce(job) : await this.#atLeastOnce(job);
    this.#settling++;
    this.#leaveSlot(job);
    await ends.settled;
    this.#settling--;
    this.#forget(job);
  }

  /** Wrapped in an object, so that the end of the handler can be awaited without the end of the settlement. */
  async #atLeastOnce(job: Held<T, Reply, Sql>): Promise<{ readonly settled: Promise<void> }> {
    try {
      if (job.state !== "held") return { settled: nothing };
      job.decode();
      const reply = await this.#handle(job);
      return { settled: this.#settler.done(job, reply) };
    } catch (error) {
      const stopped = job.abortReason instanceof WorkerStoppedError;
      return { settled: stopped ? this.#settler.release([job]) : this.#settler.failed(job, error) };
    }
  }

  async #atMostOnce(job: Held<T, Reply, Sql>): Promise<{ readonly settled: Promise<void> }> {
    if (job.state !== "held" || !(await this.#settler.settleFirst(job))) return { settled: nothing };
    try {
      job.decode();
      const reply = await this.#handle(job);
      return { settled: this.#settler.doneLate(job, { kind: "done", reply }) };
    } catch (error) {
      return { settled: this.#settler.doneLate(job, { kind: "failed", error }) };
    }
  }

  /** The handler is done and its settlement on the way: the slot goes to the next job at once. */
  #leaveSlot(job: Held<T, Reply, Sql>): void {
    this.#running.delete(job);
    this.#ended++;
    this.#startWaiting();
  }

  #forget(job: Held<T, Reply, Sql>): void {
    if (job.claim.crashes > 0) {
      this.#suspects--;
      this.#intake.look();
    }
    if (this.#running.size === 0 && this.#settling === 0) this.#idle?.open();
  }

  async #close(): Promise<void> {
    await this.#intake.stop();
    const unstarted = [...this.#waiting];
    this.#waiting.clear();
    await this.#settler.release(unstarted);
    await this.#idleWithin(this.#drainMs);
    if (this.#running.size > 0) {
      const reason = new WorkerStoppedError(this.#queue.definition.name);
      for (const job of this.#running) job.abort(reason);
      await this.#idleWithin(abortGraceMs);
      await this.#settler.release(this.#running);
    }
    this.#keeper.stop();
  }

  async #idleWithin(limitMs: number): Promise<void> {
    if (this.#running.size === 0 && this.#settling === 0) return;
    const idle = gate();
    this.#idle = idle;
    const timer = this.#queue.engine.clock.setTimer(limitMs, () => idle.open());
    await idle.promise;
    timer.cancel();
  }
}

const nothing = Promise.resolve();
