import type { DatabaseSync, StatementSync } from "node:sqlite";
import { systemClock, type Clock } from "../../clock/mod.ts";
import { DisposedError } from "../../errors/mod.ts";
import type { Random } from "../../random/mod.ts";
import { telemetryChannel } from "../../telemetry/mod.ts";
import { busyPauseMs, busyTooLong } from "./busy.ts";
import type { Checkpointer } from "./checkpoint.ts";
import { isBusy, isFull, isStorageFault, SqliteError, sqliteError } from "./sqlite-error.ts";
import { transactionLost } from "./transaction.ts";
import { settleWithin, type TransactionHooks, type WriteTask } from "./write-task.ts";

export interface WriterOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly busyMaxMs: number;
  readonly transactionMaxMs: number;
  readonly groupMax: number;
  readonly groupMs: number;
  readonly waitingMax: number;
}

// A turn is long enough for a few groups, the pause long enough for a timer of another process to fall into it.
const turnMs = 4;
const turnPauseMs = 1;
// Who wrote so recently counts as a competitor; after a long transaction also who wrote long ago, for meanwhile it could not.
const sharedMs = 100;
const longMs = 20;
const sharedWhileLongMs = 10_000;
// Whoever waits for a long transaction asks every 50 ms at last.
const longPauseMaxMs = 60;

const transactions = telemetryChannel("ashlar.driver.transaction");

/**
 * The queue in front of the one writing connection. Tasks that wait in the same turn of the event loop share one
 * `begin immediate … commit`, in the order of their calls; an exclusive task has a transaction of its own, which may last
 * over many turns. Nobody's promise is settled before the commit that carries its task.
 */
export class Writer {
  readonly #database: DatabaseSync;
  readonly #options: WriterOptions;
  readonly #checkpointer: Checkpointer;
  readonly #begin: StatementSync;
  readonly #commit: StatementSync;
  readonly #savepoint: StatementSync;
  readonly #release: StatementSync;
  readonly #version: StatementSync;
  readonly #idle: (() => void)[] = [];
  #hooks: TransactionHooks | undefined;
  #tasks: WriteTask[] = [];
  #taken = 0;
  /** When the first caller since the latest group came. */
  #sinceMs: number | undefined;
  #state: "idle" | "scheduled" | "exclusive" = "idle";
  #attempt = 0;
  #foreignVersion = Number.NaN;
  #others: "wrote" | "rested" = "wrote";
  #othersWroteMs = Number.NEGATIVE_INFINITY;
  #turnStartedMs = Number.NEGATIVE_INFINITY;
  #heldSinceMs = Number.NEGATIVE_INFINITY;
  #closed = false;

  constructor(database: DatabaseSync, options: WriterOptions, checkpointer: Checkpointer) {
    this.#database = database;
    this.#options = options;
    this.#checkpointer = checkpointer;
    this.#begin = database.prepare("begin immediate");
    this.#commit = database.prepare("commit");
    this.#version = database.prepare("pragma data_version");
    this.#savepoint = database.prepare("savepoint caller");
    this.#release = database.prepare("release caller");
  }

  /** Called around every transaction from now on. */
  hook(hooks: TransactionHooks): void {
    this.#hooks = hooks;
  }

  submit<T>(isolation: WriteTask["isolation"], run: () => T | Promise<T>, ended?: () => void): Promise<T> {
    const refusal = this.#refusal();
    if (refusal !== undefined) return Promise.reject(refusal);
    return new Promise<T>((resolve, reject) => {
      this.#tasks.push(this.#taskOf(isolation, { run, ended, resolve: resolve as (value: unknown) => void, reject }));
      if (this.#state === "idle") this.#schedule();
    });
  }

  /** As `submit` of a shared task, before all exclusive ones that wait: for what must not be late because they are slow. */
  submitAhead<T>(run: () => T): Promise<T> {
    const refusal = this.#refusal();
    if (refusal !== undefined) return Promise.reject(refusal);
    return new Promise<T>((resolve, reject) => {
      const calls = { run, ended: undefined, resolve: resolve as (value: unknown) => void, reject };
      const slow = this.#tasks.findIndex((task, at) => at >= this.#taken && task.isolation === "exclusive");
      this.#tasks.splice(slow < 0 ? this.#tasks.length : slow, 0, this.#taskOf("shared", calls));
      if (this.#state === "idle") this.#schedule();
    });
  }

  #refusal(): unknown {
    if (this.#closed) return new DisposedError("the SQLite database");
    const { waitingMax } = this.#options;
    if (this.#tasks.length - this.#taken < waitingMax) return undefined;
    return this.#fault(new SqliteError("busy", `${waitingMax} callers wait for the writer already`));
  }

  #taskOf(
    isolation: WriteTask["isolation"],
    { run, ended, resolve, reject }: Pick<WriteTask, "run" | "ended" | "resolve" | "reject">,
  ): WriteTask {
    // Callers that come in one turn have waited equally long: asking for the time costs more than the rest of this.
    this.#sinceMs ??= this.#options.clock.monotonic();
    const companyMax = Number.POSITIVE_INFINITY;
    const sinceMs = this.#sinceMs;
    return { isolation, run, ended, resolve, reject, sinceMs, companyMax, outcome: undefined, failure: undefined };
  }

  /** Refuses new tasks and resolves when the waiting ones are done. */
  async close(): Promise<void> {
    this.#closed = true;
    if (this.#state !== "idle") await new Promise<void>((resolve) => this.#idle.push(resolve));
  }

  #schedule(): void {
    this.#state = "scheduled";
    this.#options.clock.nextTurn(this.#flush);
  }

  readonly #flush = (): void => {
    this.#sinceMs = undefined;
    const first = this.#tasks[this.#taken];
    if (first === undefined) return this.#rest();
    if (!this.#opened()) return;
    if (first.isolation !== "exclusive") {
      this.#runGroup();
      return this.#next();
    }
    this.#state = "exclusive";
    void this.#runTransactions().then(() => this.#next());
  };

  #next(): void {
    if (this.#taken === this.#tasks.length || this.#taken > 4096) {
      this.#tasks = this.#tasks.slice(this.#taken);
      this.#taken = 0;
    }
    // The promise jobs of this turn run first: callers that were just answered join the next group.
    const pauseMs = this.#pauseMs();
    if (pauseMs > 0) this.#options.clock.setTimer(pauseMs, this.#flush);
    else this.#schedule();
  }

  // The lock is not a queue: who commits without a pause is always the first to ask again. So a writer that others compete
  // with lets go for a moment after each turn of its own. Competition is a thing of real time: on any other clock nobody waits.
  #pauseMs(): number {
    if (this.#options.clock !== systemClock) return 0;
    const nowMs = systemClock.monotonic();
    const heldMs = nowMs - this.#heldSinceMs;
    const isLong = heldMs >= longMs;
    const isShared = nowMs - this.#othersWroteMs < (isLong ? sharedWhileLongMs : sharedMs);
    if (isShared && !isLong && nowMs - this.#turnStartedMs < turnMs) return 0;
    this.#turnStartedMs = nowMs;
    // Somebody new may have begun to wait meanwhile: a little is left open in any case.
    if (isLong) return Math.min(longPauseMaxMs, heldMs / (isShared ? 4 : 40));
    return isShared ? turnPauseMs : 0;
  }

  #rest(): void {
    this.#state = "idle";
    this.#checkpointer.afterCommits();
    for (const resolve of this.#idle.splice(0)) resolve();
  }

  #opened(): boolean {
    const { clock, random } = this.#options;
    if (this.#checkpointer.betweenGroups() === "again") {
      clock.setTimer(busyPauseMs(1, random), this.#flush);
      return false;
    }
    try {
      this.#begin.run();
      this.#attempt = 0;
      this.#lookForOthers();
      return true;
    } catch (error) {
      // The look may have failed behind a `begin` that did not.
      if (this.#database.isTransaction) this.#database.exec("rollback");
      if (isBusy(error)) this.#retryLater(error);
      else this.#refuseAll(error);
      return false;
    }
  }

  #lookForOthers(): void {
    const version = Number(this.#version.get()?.["data_version"]);
    this.#others = version === this.#foreignVersion ? "rested" : "wrote";
    if (this.#others === "wrote" && !Number.isNaN(this.#foreignVersion))
      this.#othersWroteMs = this.#options.clock.monotonic();
    this.#foreignVersion = version;
  }

  #retryLater(error: unknown): void {
    const { clock, random, busyMaxMs } = this.#options;
    const nowMs = clock.monotonic();
    for (let task = this.#tasks[this.#taken]; task !== undefined; task = this.#tasks[this.#taken]) {
      if (nowMs - task.sinceMs < busyMaxMs) break;
      this.#taken++;
      task.reject(this.#fault(busyTooLong(busyMaxMs, error)));
    }
    clock.setTimer(busyPauseMs(++this.#attempt, random), this.#flush);
  }

  #refuseAll(error: unknown): void {
    const fault = this.#fault(sqliteError(error, "begin"));
    for (const task of this.#tasks.slice(this.#taken)) task.reject(fault);
    this.#taken = this.#tasks.length;
    this.#next();
  }

  #runGroup(): void {
    const { clock, groupMax, groupMs } = this.#options;
    const startedMs = (this.#heldSinceMs = clock.monotonic());
    const group: WriteTask[] = [];
    let companyMax = groupMax;
    try {
      this.#hooks?.opened(this.#others);
      for (let task = this.#tasks[this.#taken]; task !== undefined; task = this.#tasks[this.#taken]) {
        if (task.isolation === "exclusive" || group.length >= task.companyMax) break;
        this.#taken++;
        group.push(task);
        companyMax = Math.min(companyMax, task.companyMax);
        this.#runOne(task);
        if (group.length >= companyMax) break;
        // Asking for the time costs a tenth of a small task.
        if (group.length % 4 === 0 && clock.monotonic() - startedMs >= groupMs) break;
      }
      this.#hooks?.closing();
      this.#commit.run();
    } catch (error) {
      return this.#abandon(group, error);
    }
    this.#committed(group.length, startedMs);
    this.#answer(group);
  }

  #runOne(task: WriteTask): void {
    if (task.isolation === "shared") {
      task.outcome = task.run();
      return;
    }
    this.#savepoint.run();
    try {
      task.outcome = task.run();
      if (!this.#database.isTransaction) throw transactionLost();
    } catch (error) {
      // With the transaction everybody's work is gone, and this one's savepoint.
      if (isStorageFault(error) || !this.#database.isTransaction) throw error;
      task.failure = { error };
      this.#database.exec("rollback to caller");
    }
    this.#release.run();
  }

  // A store that failed fails everyone. Anything else is the fault of some: all run again in groups of half the size, and the culprit
  // alone in the end. So is a full store, because what makes room must not be refused along with what needs it.
  #abandon(group: readonly WriteTask[], error: unknown): void {
    this.#rollBack(group.length);
    if (group.length > 1 && (!isStorageFault(error) || isFull(error))) {
      for (const task of group) {
        task.companyMax = Math.ceil(group.length / 2);
        task.failure = undefined;
      }
      this.#taken -= group.length;
      return;
    }
    const fault = this.#fault(sqliteError(error, "commit"));
    for (const task of group) task.reject(fault);
  }

  // Transactions that wait one behind the other share a commit too, each under a savepoint. A slow one holds up those before it,
  // as it holds up everybody: hence no further one is taken after `groupMs`.
  async #runTransactions(): Promise<void> {
    const { clock, groupMax, groupMs } = this.#options;
    const startedMs = (this.#heldSinceMs = clock.monotonic());
    const group: WriteTask[] = [];
    try {
      this.#hooks?.opened(this.#others);
      for (let task = this.#tasks[this.#taken]; task?.isolation === "exclusive"; task = this.#tasks[this.#taken]) {
        this.#taken++;
        group.push(task);
        await this.#runTransaction(task);
        if (group.length >= groupMax || clock.monotonic() - startedMs >= groupMs) break;
      }
      this.#hooks?.closing();
      this.#commit.run();
    } catch (error) {
      this.#rollBack(group.length);
      const fault = this.#fault(
        group.at(-1)?.failure === undefined ? sqliteError(error, "transaction") : rolledBackToo(),
      );
      for (const task of group) task.reject(task.failure?.error ?? fault);
      return;
    }
    this.#committed(group.length, startedMs);
    this.#answer(group);
  }

  async #runTransaction(task: WriteTask): Promise<void> {
    const { clock, transactionMaxMs } = this.#options;
    // What stores hold in memory must lie before the savepoint, not behind it.
    this.#hooks?.closing();
    this.#savepoint.run();
    try {
      task.outcome = await settleWithin(clock, transactionMaxMs, task.run);
      task.ended?.();
      if (!this.#database.isTransaction) throw transactionLost();
    } catch (error) {
      task.ended?.();
      task.failure = { error: this.#fault(sqliteError(error, "transaction")) };
      // A statement may have rolled back everything (`on conflict rollback`, a full disk); then nobody's work is left.
      if (!this.#database.isTransaction) throw error;
      this.#database.exec("rollback to caller");
      this.#hooks?.undone();
    }
    this.#release.run();
  }

  #answer(group: readonly WriteTask[]): void {
    for (const task of group) {
      if (task.failure === undefined) task.resolve(task.outcome);
      else task.reject(task.failure.error);
    }
  }

  #committed(callers: number, startedMs: number): void {
    this.#checkpointer.committed();
    const durationMs = this.#options.clock.monotonic() - startedMs;
    this.#hooks?.committed(callers, durationMs);
    if (transactions.active) transactions.publish({ driver: "sqlite", outcome: "committed", callers, durationMs });
  }

  #rollBack(callers: number): void {
    // Some faults (full, input or output) roll back by themselves.
    if (this.#database.isTransaction) this.#database.exec("rollback");
    this.#hooks?.rolledBack();
    if (transactions.active) transactions.publish({ driver: "sqlite", outcome: "rolled-back", callers, durationMs: 0 });
  }

  #fault(error: unknown): unknown {
    return this.#hooks === undefined ? error : this.#hooks.fault(error);
  }
}

function rolledBackToo(): SqliteError {
  return new SqliteError(
    "busy",
    "another transaction of the same commit was rolled back with everything before it; try again",
  );
}
