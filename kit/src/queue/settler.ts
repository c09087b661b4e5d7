import { DisposedError, errorRecord, isRetryable } from "../errors/mod.ts";
import {
  type Change,
  ChangeError,
  type CommitResult,
  LeaseLostError,
  type Refusal,
  RefusedError,
  type Settlement,
} from "../engine/mod.ts";
import { telemetryChannel } from "../telemetry/mod.ts";
import { JobInputError } from "./errors.ts";
import { failureText } from "./failure.ts";
import type { HeldJob } from "./held-job.ts";
import type { LeaseKeeper } from "./lease-keeper.ts";
import { accepted, type Queue } from "./queue.ts";
import { replyChange } from "./replies.ts";
import { decideRetry, nextDelay } from "./retry-plan.ts";
import type { WorkerFault } from "./worker-options.ts";

const jobChannel = telemetryChannel("ashlar.queue.job");
const lostChannel = telemetryChannel("ashlar.queue.lease-lost");
const firstBackoffMs = 50;
const backoffCapMs = 5_000;
const release = { kind: "release" } as const;

interface Told {
  readonly outcome: "done" | "retry" | "dead" | "released" | "lost";
  readonly error?: unknown;
}

const toldDone: Told = { outcome: "done" };

export type HandlerEnd =
  | { readonly kind: "done"; readonly reply: unknown }
  | { readonly kind: "failed"; readonly error: unknown };

type Held<T, Reply, Sql> = HeldJob<T, Reply, Sql>;

export interface SettlerOptions<T, Reply, Sql> {
  readonly queue: Queue<T, Reply, Sql>;
  readonly keeper: LeaseKeeper<Held<T, Reply, Sql>>;
  readonly onFault: (fault: WorkerFault) => void;
}

/** Brings the ends of jobs to the store. Commits of one turn share a transaction there, so nothing is gathered here.
 *  A store that fails is asked again while the lease lasts: work that was done is not thrown away for a moment's trouble. */
export class Settler<T, Reply, Sql> {
  readonly #queue: Queue<T, Reply, Sql>;
  readonly #keeper: LeaseKeeper<Held<T, Reply, Sql>>;
  readonly #onFault: (fault: WorkerFault) => void;

  constructor(options: SettlerOptions<T, Reply, Sql>) {
    this.#queue = options.queue;
    this.#keeper = options.keeper;
    this.#onFault = options.onFault;
  }

  /** Acknowledges a job with everything its handler added. A refused addition, or one the engine cannot take, fails the attempt.
   *  Every job comes through here: what is rare is elsewhere, because each further promise costs as much as the rest. */
  async done(job: Held<T, Reply, Sql>, reply: unknown): Promise<void> {
    if (job.state === "lost") return;
    if (job.state === "settled") return this.#end(job, toldDone); // by job.tx
    let changes: readonly Change[];
    try {
      changes = job.doneChanges(reply);
    } catch (error) {
      return this.failed(job, error); // a reply that cannot be encoded
    }
    job.state = "settling";
    let result: CommitResult;
    try {
      result = await this.#queue.engine.commit(changes);
    } catch (error) {
      return this.#doneAfter(error, job, changes);
    }
    if (result.committed) this.#end(job, toldDone);
    else await this.#refused(job, result.refusal);
  }

  /** Records a failed attempt: back after a delay, or among the dead letters. */
  async failed(job: Held<T, Reply, Sql>, error: unknown): Promise<void> {
    if (job.state === "lost") return;
    if (error instanceof LeaseLostError && error.id === job.id && job.state === "held") return this.#lose(job);
    this.#onFault({ what: "handler", error, jobId: job.id });
    if (job.state === "settled") return this.#end(job, toldDone); // by job.tx, after which it cannot fail any more
    const settlement = this.#afterFailure(job, error);
    const changes: Change[] = [{ op: "settle", receipt: job.claim.receipt, as: settlement }];
    if (settlement.kind === "dead") changes.push(...this.#failureReply(job, error));
    await this.#settle(job, changes, { outcome: settlement.kind === "dead" ? "dead" : "retry", error });
  }

  /** Hands jobs back, their attempts uncounted; whatever their handlers still return is dropped. Never rejects. */
  async release(jobs: Iterable<Held<T, Reply, Sql>>): Promise<void> {
    // Each is a commit of its own: one lost lease must not keep the others from going back. The engine groups them.
    await Promise.all(Array.from(jobs, (job) => this.#release(job)));
  }

  /** Settles before the handler runs (at most once). `false`: the job is somebody else's. */
  async settleFirst(job: Held<T, Reply, Sql>): Promise<boolean> {
    await this.#settle(job, [{ op: "settle", receipt: job.claim.receipt, as: { kind: "ack" } }], undefined);
    job.isSettledFirst = job.state === "settled";
    return job.isSettledFirst;
  }

  /** The end of a job that was settled first: what its handler added, and the answer. */
  async doneLate(job: Held<T, Reply, Sql>, end: HandlerEnd): Promise<void> {
    const failed = end.kind === "failed";
    if (failed) this.#onFault({ what: "handler", error: end.error, jobId: job.id });
    const changes = failed ? this.#failureReply(job, end.error) : job.lateChanges(end.reply);
    try {
      if (changes.length > 0) accepted(await this.#queue.engine.commit(changes));
    } catch (error) {
      this.#onFault({ what: "settle", error, jobId: job.id });
    }
    this.#end(job, failed ? { outcome: "dead", error: end.error } : toldDone);
  }

  /** A lease that is somebody else's. What is on its way to the store is judged there. */
  lost(job: Held<T, Reply, Sql>): void {
    if (job.state === "held") this.#lose(job);
  }

  async #release(job: Held<T, Reply, Sql>): Promise<void> {
    if (job.state !== "held") return;
    job.state = "lost";
    this.#keeper.drop(job);
    try {
      await this.#queue.engine.commit([{ op: "settle", receipt: job.claim.receipt, as: release }]);
    } catch (error) {
      this.#onFault({ what: "settle", error, jobId: job.id }); // its lease runs out instead
    }
    if (jobChannel.active) this.#tell(job, { outcome: "released" });
  }

  /** The store failed, which says nothing about the handler; or the handler added what no store can take, which does. */
  async #doneAfter(fault: unknown, job: Held<T, Reply, Sql>, changes: readonly Change[]): Promise<void> {
    let result: CommitResult;
    try {
      result = await this.#commitAgain(fault, job, changes);
    } catch (error) {
      if (!(error instanceof ChangeError)) return this.#giveUp(job, error);
      job.state = "held";
      return this.failed(job, error);
    }
    if (result.committed) this.#end(job, toldDone);
    else await this.#refused(job, result.refusal);
  }

  async #refused(job: Held<T, Reply, Sql>, refusal: Refusal): Promise<void> {
    if (refusal.kind === "lease-lost") return this.#lose(job);
    job.state = "held";
    await this.failed(job, new RefusedError(refusal));
  }

  /** Nothing can be recorded. The lease runs out, and some worker takes the job again. */
  #giveUp(job: Held<T, Reply, Sql>, error: unknown): void {
    this.#onFault({ what: "settle", error, jobId: job.id });
    this.#lose(job);
  }

  async #settle(job: Held<T, Reply, Sql>, changes: readonly Change[], told: Told | undefined): Promise<void> {
    try {
      const result = await this.#commit(job, changes);
      if (!result.committed) return this.#lose(job);
      if (told === undefined) job.state = "settled";
      else this.#end(job, told);
    } catch (error) {
      this.#giveUp(job, error);
    }
  }

  async #commit(job: Held<T, Reply, Sql>, changes: readonly Change[]): Promise<CommitResult> {
    job.state = "settling";
    try {
      return await this.#queue.engine.commit(changes);
    } catch (error) {
      return this.#commitAgain(error, job, changes);
    }
  }

  /** Asks a troubled store again while the lease lasts: as renewed while the trouble may pass by its own word, else one lease long.
   *  Throws its last fault. */
  async #commitAgain(fault: unknown, job: Held<T, Reply, Sql>, changes: readonly Change[]): Promise<CommitResult> {
    const { engine, definition } = this.#queue;
    const hopeUntilMs = engine.clock.now() + definition.leaseMs;
    let error = fault;
    for (let backoffMs = firstBackoffMs; ; backoffMs = Math.min(backoffCapMs, backoffMs * 2)) {
      if (error instanceof ChangeError || error instanceof DisposedError) throw error;
      const untilMs = isRetryable(error) ? job.leaseUntilMs : Math.min(job.leaseUntilMs, hopeUntilMs);
      if (engine.clock.now() + backoffMs >= untilMs) throw error;
      this.#onFault({ what: "settle", error, jobId: job.id });
      await engine.clock.sleep(backoffMs);
      try {
        return await engine.commit(changes);
      } catch (next) {
        error = next;
      }
    }
  }

  #failureReply(job: Held<T, Reply, Sql>, error: unknown): readonly Change[] {
    if (job.claim.headers === undefined) return [];
    const answer = { kind: "failed", error: errorRecord(error) } as const;
    const change = replyChange(job.claim, answer);
    return change === undefined ? [] : [change];
  }

  #afterFailure(job: Held<T, Reply, Sql>, error: unknown): Settlement {
    const { definition, random, engine } = this.#queue;
    const attempt = job.claim.attempt;
    const failure = failureText({ error, attempt, atMs: engine.clock.now() });
    if (error instanceof JobInputError) return { kind: "dead", reason: "input", failure };
    // That its end is in doubt says nothing against the job; if it was committed, this settlement is refused.
    const plan = job.isInDoubt ? { ...definition.retry, retryable: () => true } : definition.retry;
    try {
      return { ...decideRetry(plan, { attempt, error }, random), failure };
    } catch (fault) {
      // The plan's own judgement failed. Nothing is known against another attempt.
      this.#onFault({ what: "handler", error: fault, jobId: job.id });
      const delayMs = nextDelay(definition.retry, attempt, random);
      return delayMs === undefined
        ? { kind: "dead", reason: "attempts", failure }
        : { kind: "retry", delayMs, failure };
    }
  }

  #end(job: Held<T, Reply, Sql>, told: Told): void {
    job.state = "settled";
    this.#keeper.drop(job);
    if (jobChannel.active) this.#tell(job, told);
  }

  #lose(job: Held<T, Reply, Sql>): void {
    job.lose();
    this.#keeper.drop(job);
    this.#onFault({ what: "lost", error: job.abortReason, jobId: job.id });
    if (lostChannel.active) {
      const heldMs = this.#queue.engine.clock.now() - job.claim.leaseUntilMs + this.#queue.definition.leaseMs;
      lostChannel.publish({ queue: this.#queue.definition.name, jobId: job.id, attempt: job.attempt, heldMs });
    }
    if (jobChannel.active) this.#tell(job, { outcome: "lost", error: job.abortReason });
  }

  #tell(job: Held<T, Reply, Sql>, told: Told): void {
    const nowMs = this.#queue.engine.clock.now();
    const startedAtMs = job.startedAtMs === 0 ? nowMs : job.startedAtMs; // 0: it never ran here
    jobChannel.publish({
      ...told,
      queue: this.#queue.definition.name,
      jobId: job.id,
      attempt: job.attempt,
      waitMs: Math.max(0, startedAtMs - job.enqueuedAtMs),
      durationMs: Math.max(0, nowMs - startedAtMs),
    });
  }
}
