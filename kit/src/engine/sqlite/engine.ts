import type { Clock } from "../../clock/mod.ts";
import {
  openSqlite,
  sqliteError,
  type MigrationStep,
  type SqliteDatabase,
  type SqliteSession,
} from "../../drivers/sqlite/mod.ts";
import { ConfigError, DisposedError } from "../../errors/mod.ts";
import { telemetryChannel } from "../../telemetry/mod.ts";
import { Bells } from "../bells.ts";
import type { Cell, CellKey } from "../cell.ts";
import type { Change } from "../change.ts";
import type { CommitResult } from "../commit-result.ts";
import type {
  BackupEngine,
  BellTopic,
  Capabilities,
  ClaimRequest,
  ClaimResult,
  ReadRequest,
  ReadResult,
  StreamRequest,
  Transaction,
  TransactionalEngine,
} from "../engine.ts";
import type { RecordedEvent } from "../event-record.ts";
import { Maintenance } from "../maintenance.ts";
import type { Receipt } from "../message.ts";
import type { ScanQuery, ScanRow } from "../scan.ts";
import { validateChanges } from "../validate-change.ts";
import { validateClaim, validateLease, validateRead, validateStream } from "../validate-request.ts";
import { applyList } from "./apply-list.ts";
import { auditFaults } from "./audit.ts";

import { CellReads } from "./cells.ts";
import { claimMessages, extendLeases } from "./claim.ts";
import { engineFault } from "./faults.ts";
import { Group } from "./group.ts";
import { allInstances, endLeasesOfTheGone, leave, registerAgain, registerInstance } from "./instances.ts";
import { LogReads } from "./log.ts";
import { expireBatch, maintain } from "./maintenance.ts";
import type { Machine } from "./machine.ts";
import { Neighbours } from "./neighbours.ts";
import { resolveOptions, type ResolvedOptions, type SqliteEngineOptions } from "./options.ts";
import { scanRows } from "./scan.ts";
import { schemaSteps } from "./schema.ts";
import { transactionSql, type SqliteSql } from "./transaction-handle.ts";

/** The embedded engine: one file, any number of processes of one machine. */
export interface SqliteEngine extends TransactionalEngine<SqliteSql>, BackupEngine {
  /** Reads what is committed, the caller's own tables included. Writes fail: they go through `transaction`. */
  readonly sql: Pick<SqliteSession, "get" | "all">;
  /** Brings the caller's own tables up to date, each step once on every file. `name` tells families of tables apart.
   *  Throws MigrationError when the file and the steps disagree; ConfigError for names that begin with `ashlar`. */
  migrate(name: string, steps: readonly MigrationStep[]): Promise<void>;
  /** Refuses growth of the file beyond so many bytes with StorageError `full` (`undefined`: no limit), in this process, until changed.
   *  What the file holds already stays readable, and can be settled and deleted to make room. */
  limitSize(bytes: number | undefined): Promise<void>;
}

/**
 * Opens or makes the file, and rescues what processes that are gone have left behind. Throws ConfigError, UnsupportedError (network
 * file system), MigrationError (made by a newer version), StorageError.
 */
export async function openSqliteEngine(options: SqliteEngineOptions): Promise<SqliteEngine> {
  const resolved = resolveOptions(options);
  const database = await openSqlite(resolved.database).catch((error: unknown) => {
    throw engineFault(error);
  });
  try {
    await database.migrate("ashlar-engine", schemaSteps);
    const engine = new OnSqlite(database, resolved);
    await engine.start();
    return engine;
  } catch (error) {
    await database[Symbol.asyncDispose]();
    throw engineFault(error);
  }
}

const claimed = telemetryChannel("ashlar.engine.claim");

class OnSqlite implements SqliteEngine {
  readonly can: Capabilities;
  readonly clock: Clock;
  readonly sql: Pick<SqliteSession, "get" | "all">;
  readonly #database: SqliteDatabase;
  readonly #bells: Bells;
  readonly #maintenance: Maintenance;
  readonly #machine: Machine;
  readonly #group: Group;
  readonly #logs: LogReads;
  readonly #cells: CellReads;
  #neighbours: Neighbours | undefined;
  #foreignVersion = 0;
  #closing: Promise<void> | undefined;

  constructor(database: SqliteDatabase, { can, clock, machine, maintenanceMs }: ResolvedOptions) {
    this.can = can;
    this.clock = clock;
    this.sql = database.reader;
    this.#database = database;
    this.#machine = machine;
    this.#logs = new LogReads(database.reader);
    this.#cells = new CellReads(database.reader);
    this.#bells = new Bells(clock);
    const tasks = {
      expire: () => database.shared(() => expireBatch(this.#group.work)),
      checkpoint: () => database.checkpoint(),
    };
    this.#maintenance = new Maintenance(clock, maintenanceMs, (isClosed) => maintain(clock, tasks, isClosed));
    this.#group = new Group(database, { bells: this.#bells, whenCommitted: () => this.#maintenance.arm() });
  }

  /** Registers this process and rescues what the gone have left. */
  async start(): Promise<void> {
    await this.#database.shared(() => {
      this.#group.work.instance = registerInstance(this.#group.work, this.#machine.identity);
      endLeasesOfTheGone(this.#group.work, this.#machine);
    });
    this.#foreignVersion = this.#database.foreignVersion();
    this.#neighbours = new Neighbours({
      machine: this.#machine,
      logPath: `${this.#database.path}-wal`,
      hasForeignCommit: () => this.#hasForeignCommit(),
      onForeignCommit: () => this.#bells.ringAll(),
      neighbours: () => this.#checkNeighbours(),
    });
  }

  // Not async: every promise between the group and its callers counts on this path.
  commit(changes: readonly Change[]): Promise<CommitResult> {
    try {
      this.#refuseWhenDisposed();
      validateChanges(changes, this.can);
    } catch (error) {
      return Promise.reject(error);
    }
    // The caller may go on with its own array before the turn comes.
    const list = changes.slice();
    return this.#database.shared(() => this.#commitNow(list));
  }

  async claim(request: ClaimRequest): Promise<ClaimResult> {
    this.#refuseWhenDisposed();
    validateClaim(request);
    return this.#database.shared(() => this.#claimNow(request));
  }

  async extend(receipts: readonly Receipt[], leaseMs: number): Promise<readonly boolean[]> {
    this.#refuseWhenDisposed();
    validateLease(leaseMs);
    const list = receipts.slice();
    // A worker that lives must not lose its leases because transactions wait in a row.
    return this.#database.ahead(() => extendLeases(this.#group.work, list, leaseMs));
  }

  async read(request: ReadRequest): Promise<ReadResult> {
    this.#refuseWhenDisposed();
    validateRead(request);
    return this.#reading(() => this.#logs.read(request));
  }

  async stream(request: StreamRequest): Promise<readonly RecordedEvent[]> {
    this.#refuseWhenDisposed();
    validateStream(request);
    return this.#reading(() => this.#logs.stream(request));
  }

  async get(cells: readonly CellKey[]): Promise<readonly (Cell | undefined)[]> {
    this.#refuseWhenDisposed();
    const nowMs = this.clock.now();
    const readAll = (): readonly (Cell | undefined)[] => cells.map((cell) => this.#cells.get(cell, nowMs));
    return this.#reading(() => (cells.length > 1 ? this.#database.snapshot(readAll) : readAll()));
  }

  async *scan<Q extends ScanQuery>(query: Q): AsyncGenerator<ScanRow<Q>> {
    this.#refuseWhenDisposed();
    yield* scanRows({ sql: this.#database.reader, nowMs: this.clock.now() }, query);
  }

  bell(topics: readonly BellTopic[], ring: () => void): Disposable {
    this.#refuseWhenDisposed();
    return this.#bells.add(topics, ring);
  }

  async transaction<T>(work: (tx: Transaction<SqliteSql>) => T | Promise<T>): Promise<T> {
    this.#refuseWhenDisposed();
    return this.#database.transaction(async (tx) => {
      let fault: { readonly error: unknown } | undefined;
      const outcome = await work({
        sql: transactionSql(tx),
        commit: async (changes) => {
          validateChanges(changes, this.can);
          tx.refuseUnlessOpen();
          // The work may have waited since the transaction began.
          this.#group.work.nowMs = this.clock.now();
          try {
            return this.#commitNow(changes);
          } catch (error) {
            fault = { error };
            throw error;
          }
        },
      });
      // A list that failed half-way must not be committed because the caller caught its error.
      if (fault !== undefined) throw fault.error;
      return outcome;
    });
  }

  async migrate(name: string, steps: readonly MigrationStep[]): Promise<void> {
    this.#refuseWhenDisposed();
    if (name.startsWith("ashlar")) throw new ConfigError("name", name, 'a name that does not begin with "ashlar"');
    await this.#database.migrate(name, steps);
  }

  async limitSize(bytes: number | undefined): Promise<void> {
    this.#refuseWhenDisposed();
    await this.#database.limitSize(bytes);
  }

  async backup(target: string): Promise<void> {
    this.#refuseWhenDisposed();
    await this.#database.backup(target);
  }

  async verify(): Promise<readonly string[]> {
    this.#refuseWhenDisposed();
    return this.#reading(() => [
      ...this.#database.integrityFaults(),
      ...this.#database.snapshot((sql) => auditFaults(sql)),
    ]);
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#neighbours?.close();
    await this.#maintenance.close();
    // What this process still held is for others now: without its entry nobody could tell that it is gone.
    // A store that is full or busy must not keep the engine open; then the others see that this process is gone.
    const { work } = this.#group;
    await this.#database.shared(() => leave(work, work.instance)).catch(() => undefined);
    await this.#database[Symbol.asyncDispose]();
    this.#bells.clear();
  }

  #refuseWhenDisposed(): void {
    if (this.#closing !== undefined) throw new DisposedError("the SQLite engine");
  }

  #commitNow(changes: readonly Change[]): CommitResult {
    this.#group.changes += changes.length;
    return applyList(this.#group.work, changes);
  }

  #claimNow(request: ClaimRequest): ClaimResult {
    if (!claimed.active) return claimMessages(this.#group.work, request);
    const startedMs = this.clock.monotonic();
    const result = claimMessages(this.#group.work, request);
    const durationMs = this.clock.monotonic() - startedMs;
    const { queue, count: asked } = request;
    claimed.publish({ engine: "sqlite", queue, asked, ready: result.claims.length, durationMs });
    return result;
  }

  #reading<T>(read: () => T): T {
    try {
      return read();
    } catch (error) {
      throw engineFault(sqliteError(error, "read"));
    }
  }

  #hasForeignCommit(): boolean {
    const version = this.#database.foreignVersion();
    const isNew = version !== this.#foreignVersion;
    this.#foreignVersion = version;
    return isNew;
  }

  async #checkNeighbours(): Promise<"some" | "none"> {
    const { work } = this.#group;
    const all = allInstances(work);
    const others = all.filter(({ id }) => id !== work.instance);
    if (others.length === all.length) await this.#database.shared(() => registerAgain(work, this.#machine.identity));
    if (others.some((other) => this.#machine.isGone(other)))
      await this.#database.shared(() => endLeasesOfTheGone(work, this.#machine));
    return others.some((other) => this.#machine.isNeighbour(other)) ? "some" : "none";
  }
}
