import { cellsOf } from "./queue-engine.ts";
import { jsonCodec } from "../codec/mod.ts";
import { invariant, KitError, textOf, type TimeoutError, UnsupportedError } from "../errors/mod.ts";
import {
  type CellKey,
  type Change,
  type Claim,
  type CommitResult,
  LeaseLostError,
  RefusedError,
  type Transaction,
} from "../engine/mod.ts";
import type { InboxOptions, Job } from "./job.ts";
import type { Queue } from "./queue.ts";
import { progressCell, progressChange } from "./progress.ts";
import { replyChange } from "./replies.ts";
import { decodeInput } from "./stored-job.ts";

/** `held`: the claim is ours. `settling`: its end is on the way to the store, so that a failed renewal no longer says anything.
 *  `settled`: its end is recorded. `lost`: it is somebody else's, or was handed back. */
export type HoldState = "held" | "settling" | "settled" | "lost";

const results = jsonCodec<unknown>();
const noHeaders: Readonly<Record<string, string>> = {};
const noChanges: readonly Change[] = [];
// Outlives every sensible retry plan, and bounds what jobs leave behind that were discarded half done.
const recordKeepMs = 30 * 86_400_000;

/** A job in the hands of a worker: what its handler sees, and the worker's own book-keeping.
 *  Everything rarely used is made on first use, because tens of thousands of these come and go every second. */
export class HeldJob<T, Reply, Sql> implements Job<T, Sql> {
  readonly claim: Claim;
  /** Moves forward with every renewal. */
  leaseUntilMs: number;
  state: HoldState = "held";
  /** At-most-once delivery: the settlement came first, so `also` still has a commit to go with. */
  isSettledFirst = false;
  /** When its handler began, by the engine's clock. */
  startedAtMs = 0;
  /** When its time is over, by the engine's monotonic clock; set where there is a budget. */
  deadlineMs = 0;
  /** Its time is over: what its handler returns is not recorded. Not always why its signal is aborted, which may have been before. */
  overTime: TimeoutError | undefined = undefined;
  /** Its attempt was ended while its handler still runs: what that still does is not recorded. */
  isGivenUp = false;
  /** The transaction that settles it was committed or not, and nobody could be asked. A repeat is fenced by it. */
  isInDoubt = false;
  readonly #queue: Queue<T, Reply, Sql>;
  #input: T | undefined;
  #controller: AbortController | undefined;
  #abortReason: unknown;
  #also: Change[] | undefined;
  #onces: Map<string, Promise<unknown>> | undefined;
  #reported = false;

  constructor(queue: Queue<T, Reply, Sql>, claim: Claim) {
    this.#queue = queue;
    this.claim = claim;
    this.leaseUntilMs = claim.leaseUntilMs;
  }

  get id(): string {
    return this.claim.receipt.id;
  }
  get input(): T {
    return this.#input as T;
  }
  get attempt(): number {
    return this.claim.attempt;
  }
  get crashes(): number {
    return this.claim.crashes;
  }
  get key(): string | undefined {
    return this.claim.key;
  }
  get lane(): number {
    return this.claim.lane;
  }
  get headers(): Readonly<Record<string, string>> {
    return this.claim.headers ?? noHeaders;
  }
  get enqueuedAtMs(): number {
    return this.claim.enqueuedAtMs;
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#abortReason !== undefined) this.#controller.abort(this.#abortReason);
    }
    return this.#controller.signal;
  }

  /** Why the signal is aborted; `undefined` while it is not. */
  get abortReason(): unknown {
    return this.#abortReason;
  }

  /** Reads the stored text; called once before the handler. Throws `JobInputError`. */
  decode(): void {
    const { claim } = this;
    this.#input = decodeInput(this.#queue.definition, { id: claim.receipt.id, body: claim.body });
  }

  abort(reason: unknown): void {
    if (this.#abortReason !== undefined) return;
    this.#abortReason = reason;
    this.#controller?.abort(reason);
  }

  /** Somebody else holds the job now: whatever the handler still does is not recorded. Called by the settler, which tells of it. */
  lose(): void {
    this.state = "lost";
    this.abort(this.lostError());
  }

  /** A question as a method: the compiler would otherwise remember an earlier answer across an await. */
  isSettling(): boolean {
    return this.state === "settling";
  }

  lostError(): LeaseLostError {
    return new LeaseLostError(this.#queue.definition.name, this.id);
  }

  once<R>(name: string, effect: (key: string) => R | Promise<R>): Promise<R> {
    this.#onces ??= new Map();
    const known = this.#onces.get(textOf("name", name));
    if (known !== undefined) return known as Promise<R>;
    const result = this.#recorded(name, effect);
    this.#onces.set(name, result);
    result.catch(() => this.#onces?.delete(name)); // it left no record, so the handler may try it again
    return result;
  }

  tx<R>(work: (transaction: Transaction<Sql>) => R | Promise<R>): Promise<R>;
  tx<R>(work: (transaction: Transaction<Sql>) => R | Promise<R>, options: InboxOptions): Promise<R | undefined>;
  async tx<R>(work: (transaction: Transaction<Sql>) => R | Promise<R>, options?: InboxOptions): Promise<R | undefined> {
    const { engine } = this.#queue;
    if (engine.transaction === undefined || engine.can.transactions === "none")
      throw new UnsupportedError(
        "job.tx",
        engine.can.engine,
        "use job.once and job.also, or an engine with transactions",
      );
    this.#requireHeld();
    let isOver = false;
    try {
      const value = await engine.transaction(async (transaction) => {
        const duplicate = await this.#enter(transaction, options);
        const result = duplicate ? undefined : await work(transaction);
        const changes = duplicate ? [this.#ack(), ...this.#cleanUp()] : this.doneChanges(result);
        // Work that outlived the transaction's time limit has nothing to settle any more; the commit below refuses it.
        if (!isOver) this.state = "settling";
        this.#passed(await transaction.commit(changes));
        return result;
      });
      this.state = "settled";
      return value;
    } catch (error) {
      if (this.isSettling()) {
        this.state = "held";
        this.isInDoubt = error instanceof KitError && error.code === "OUTCOME_UNKNOWN";
      }
      throw error;
    } finally {
      isOver = true;
    }
  }

  also(...changes: readonly Change[]): void {
    if (!this.isSettledFirst || this.isGivenUp) this.#requireHeld();
    this.#also = [...(this.#also ?? []), ...changes];
  }

  async progress(report: unknown): Promise<void> {
    this.#requireHeld();
    this.#reported = true;
    const cell = progressCell(this.#queue.definition.name, this.id);
    await this.#commitHeld(progressChange(cell, report));
  }

  /** The commit of a handler that returned: settlement first, because its refusal is the one that decides. */
  doneChanges(reply: unknown): Change[] {
    return this.#withFollowers([this.#ack()], reply);
  }

  /** The same for a job that was settled before its handler ran. */
  lateChanges(reply: unknown): Change[] {
    return this.#withFollowers([], reply);
  }

  #withFollowers(changes: Change[], reply: unknown): Change[] {
    if (this.#also !== undefined) changes.push(...this.#also);
    if (this.claim.headers !== undefined) {
      const answer = replyChange(this.claim, { kind: "value", value: reply });
      if (answer !== undefined) changes.push(answer);
    }
    if (this.#onces !== undefined || this.#reported) changes.push(...this.#cleanUp());
    return changes;
  }

  #ack(): Change {
    return { op: "settle", receipt: this.claim.receipt, as: ack };
  }

  #cleanUp(): readonly Change[] {
    if (this.#onces === undefined && !this.#reported) return noChanges;
    const cells = [...(this.#onces?.keys() ?? [])].map((name) => this.#onceCell(name));
    if (this.#reported) cells.push(progressCell(this.#queue.definition.name, this.id));
    return cells.map((cell) => ({ op: "put", cell, expect: "any", value: undefined }));
  }

  #onceCell(name: string): CellKey {
    return { space: `queue-once:${this.#queue.definition.name}`, key: `${this.id}/${name}` };
  }

  async #recorded<R>(name: string, effect: (key: string) => R | Promise<R>): Promise<R> {
    this.#requireHeld();
    const cell = this.#onceCell(name);
    const [record] = await cellsOf(this.#queue.engine, "once").get([cell]);
    if (record !== undefined) return results.decode(record.value) as R;
    const value = await effect(`${this.#queue.definition.name}/${cell.key}`);
    const text = results.encode(value);
    await this.#commitHeld({ op: "put", cell, expect: "absent", value: text, expiresInMs: recordKeepMs });
    return value;
  }

  async #commitHeld(change: Change): Promise<void> {
    this.#passed(await this.#queue.engine.commit([{ op: "hold", receipt: this.claim.receipt }, change]));
  }

  /** Checks the lease, and the inbox if there is one, before any work is done. */
  async #enter(transaction: Transaction<Sql>, options: InboxOptions | undefined): Promise<boolean> {
    this.#passed(await transaction.commit([{ op: "hold", receipt: this.claim.receipt }]));
    if (options === undefined) return false;
    const consumer = `queue:${this.#queue.definition.name}`;
    const result = await transaction.commit([{ op: "seen", consumer, ...options.inbox }]);
    if (!result.committed && result.refusal.kind === "already-seen") return true;
    this.#passed(result);
    return false;
  }

  #passed(result: CommitResult): void {
    if (result.committed) return;
    if (result.refusal.kind !== "lease-lost") throw new RefusedError(result.refusal);
    // The worker itself is told when it tries to settle, or by the error below.
    this.abort(this.lostError());
    throw this.lostError();
  }

  #requireHeld(): void {
    if (this.state === "lost") throw this.lostError();
    invariant(
      this.state === "held",
      `job ${this.id} is settled: once, also, tx and progress come before that; only also works with at-most-once delivery`,
    );
  }
}

const ack = { kind: "ack" } as const;
