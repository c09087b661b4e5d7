import { gate, type Gate } from "../abort/mod.ts";
import { type Deque, deque, turnoverMap, type TurnoverMap } from "../collections/mod.ts";
import { integerIn } from "../errors/mod.ts";
import type { Claim } from "../engine/mod.ts";
import { WorkerStoppedError } from "./errors.ts";
import { HeldJob } from "./held-job.ts";
import { Intake } from "./intake.ts";
import { LeaseKeeper } from "./lease-keeper.ts";
import type { Queue } from "./queue.ts";
import { Settler } from "./settler.ts";
import { guarded, type WorkerState, type WorkerTuning } from "./worker-options.ts";

export interface WorkbenchOptions<T, Reply, Sql> extends WorkerTuning {
  readonly queue: Queue<T, Reply, Sql>;
  /** How many more jobs the worker wants at this moment. */
  readonly room: () => number;
  /** Called when jobs have arrived or a slot is free. Not called any more once the bench closes. */
  readonly work: () => void;
}

/** After its signal aborted, a handler gets so long to end by itself before its job is handed back under it. */
const abortGraceMs = 1_000;

/** Everything a worker has in its hands: jobs waiting for a slot, jobs that run, ends on their way to the store. One that closes it leaves
 *  nothing behind. What to run and how many at once is the worker's own matter. */
export class Workbench<T, Reply, Sql> {
  readonly settler: Settler<T, Reply, Sql>;
  readonly waiting: Deque<HeldJob<T, Reply, Sql>> = deque();
  readonly running: TurnoverMap<HeldJob<T, Reply, Sql>, HeldJob<T, Reply, Sql>> = turnoverMap();
  settling = 0;
  readonly #queue: Queue<T, Reply, Sql>;
  readonly #work: () => void;
  readonly drainMs: number;
  readonly #keeper: LeaseKeeper<HeldJob<T, Reply, Sql>>;
  readonly #intake: Intake;
  #suspects = 0;
  #closing: Promise<void> | undefined;
  #idle: Gate<void> | undefined;

  constructor(options: WorkbenchOptions<T, Reply, Sql>) {
    const { queue, room } = options;
    const { engine, definition } = queue;
    const pollMs = integerIn("pollMs", options.pollMs ?? 1_000, { min: 10, max: 60_000 });
    const onFault = guarded(options.onFault);
    this.#queue = queue;
    this.#work = options.work;
    this.drainMs = integerIn("drainMs", options.drainMs ?? 10_000, { min: 0, max: 3_600_000 });
    this.#keeper = new LeaseKeeper({
      engine,
      leaseMs: definition.leaseMs,
      onLost: (job) => this.settler.lost(job),
      onExtendFault: (error) => onFault({ what: "extend", error }),
    });
    this.settler = new Settler({ queue, keeper: this.#keeper, onFault });
    this.#intake = new Intake({
      engine,
      definition,
      pollMs,
      room,
      // A job that took a worker down runs without others of its kind beside it, or they would all be blamed again.
      suspects: () => (this.#suspects === 0 ? 1 : 0),
      freshen: () => this.#keeper.freshen(),
      take: (claims) => this.#take(claims),
      onFault: (error) => onFault({ what: "claim", error }),
    });
  }

  get state(): WorkerState {
    return { running: this.running.size, prefetched: this.waiting.size, settling: this.settling };
  }

  /** Starts to claim. Apart from the constructor, because `room` and `work` belong to an object that is only then complete. */
  open(): void {
    this.#intake.look();
  }

  /** Jobs were taken from the bench, or ended: asks for work, and for more jobs. */
  turn(): void {
    if (this.#closing === undefined) this.#work();
    this.#intake.roomGrew();
  }

  /** The next waiting job that is still ours, now counted as running. */
  next(): HeldJob<T, Reply, Sql> | undefined {
    for (let job = this.waiting.popFront(); job !== undefined; job = this.waiting.popFront()) {
      if (job.state === "held") {
        job.startedAtMs = this.#queue.engine.clock.now();
        this.running.set(job, job);
        return job;
      }
      this.#forget(job);
    }
    return undefined;
  }

  /** After a pause of the whole process a lease may be over but not yet taken: asks before work is done twice. */
  async confirmLease(job: HeldJob<T, Reply, Sql>): Promise<void> {
    if (job.leaseUntilMs <= job.startedAtMs) await this.#keeper.renew();
  }

  /** The handler is done and its settlement on the way: the slot is free, the job is held until `settled`. */
  async leave(job: HeldJob<T, Reply, Sql>, settled: Promise<void>): Promise<void> {
    this.running.delete(job);
    this.settling++;
    this.turn();
    await settled;
    this.settling--;
    // A worker that stopped claiming because too many ends were on their way has no other occasion to go on.
    if (this.waiting.size === 0) this.#intake.roomGrew();
    this.#forget(job);
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  #take(claims: readonly Claim[]): void {
    for (const claim of claims) {
      const job = new HeldJob(this.#queue, claim);
      if (claim.crashes > 0) this.#suspects++;
      this.#keeper.hold(job);
      this.waiting.pushBack(job);
    }
    this.turn();
  }

  #forget(job: HeldJob<T, Reply, Sql>): void {
    if (job.claim.crashes > 0) {
      this.#suspects--;
      this.#intake.look();
    }
    if (this.running.size === 0 && this.settling === 0) this.#idle?.open();
  }

  async #close(): Promise<void> {
    await this.#intake.stop();
    const unstarted = [...this.waiting];
    this.waiting.clear();
    await this.settler.release(unstarted);
    await this.#idleWithin(this.drainMs);
    if (this.running.size > 0) {
      const reason = new WorkerStoppedError(this.#queue.definition.name);
      for (const job of this.running.values()) job.abort(reason);
      await this.#idleWithin(abortGraceMs);
      await this.settler.release([...this.running.values()]);
    }
    this.#keeper.stop();
  }

  async #idleWithin(limitMs: number): Promise<void> {
    if (this.running.size === 0 && this.settling === 0) return;
    const idle = gate();
    this.#idle = idle;
    const timer = this.#queue.engine.clock.setTimer(limitMs, () => idle.open());
    await idle.promise;
    timer.cancel();
  }
}
