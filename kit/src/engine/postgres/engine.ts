import type { Clock } from "../../clock/mod.ts";
import {
  openPostgres,
  type MigrationStep,
  type PostgresDatabase,
  type PostgresHealth,
} from "../../drivers/postgres/mod.ts";
import { ConfigError, DisposedError } from "../../errors/mod.ts";
import { telemetryChannel } from "../../telemetry/mod.ts";
import type { Cell, CellKey } from "../cell.ts";
import type { Change } from "../change.ts";
import type { CommitResult } from "../commit-result.ts";
import type {
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
import { DurabilityError } from "../errors.ts";
import type { RecordedEvent } from "../event-record.ts";
import { type BellWire, FarBells } from "../far-bells.ts";
import { Maintenance } from "../maintenance.ts";
import type { Receipt } from "../message.ts";
import type { ScanQuery, ScanRow } from "../scan.ts";
import { validateChanges } from "../validate-change.ts";
import { validateClaim, validateLease, validateRead, validateStream } from "../validate-request.ts";
import { auditFaults } from "./audit.ts";
import { CellReads } from "./cells.ts";
import { engineFault } from "./faults.ts";
import type { Shared } from "./group.ts";
import { LogReads } from "./log.ts";
import { maintain } from "./maintenance.ts";
import { Names } from "./names.ts";
import { type PostgresEngineOptions, type ResolvedOptions, resolveOptions, writerSettings } from "./options.ts";
import type { ClaimCall, CommitCall, ExtendCall } from "./plan.ts";
import { prepareQuick } from "./quick.sql.ts";
import { Scans } from "./scan.ts";
import { schemaSteps } from "./schema.ts";
import { prepareStatements } from "./statements.sql.ts";
import { runTransaction, type PostgresSql } from "./transaction.ts";
import { Writer } from "./writer.ts";

/** The engine on a PostgreSQL server: any number of processes on any number of machines share it. */
export interface PostgresEngine extends TransactionalEngine<PostgresSql> {
  /** The caller's own statements outside of transactions, on a connection of the pool. */
  readonly sql: PostgresSql;
  /** Brings the caller's own tables up to date, each step once on every database. `name` tells families of tables apart.
   *  Throws MigrationError when the database and the steps disagree; ConfigError for names that begin with `ashlar`. */
  migrate(name: string, steps: readonly MigrationStep[]): Promise<void>;
  /** Faults found in the stored data; empty when sound. Reads all of it. */
  verify(): Promise<readonly string[]>;
  health(): Promise<PostgresHealth>;
}

/**
 * Connects, and makes or updates the engine's tables. Throws ConfigError, UnsupportedError (no client library), StorageError (no server, a
 * replica, no rights), DurabilityError (the server keeps less than asked for), MigrationError (made by a newer version).
 */
export async function openPostgresEngine(options: PostgresEngineOptions): Promise<PostgresEngine> {
  const resolved = resolveOptions(options);
  const database = await openPostgres(resolved.database).catch((error: unknown) => {
    throw engineFault(error);
  });
  try {
    refuseWeaker(database, resolved);
    await database.migrate("ashlar-engine", schemaSteps(resolved.schema));
    const engine = new OnPostgres(database, resolved);
    await engine.start();
    return engine;
  } catch (error) {
    await database[Symbol.asyncDispose]();
    throw engineFault(error);
  }
}

function refuseWeaker({ facts }: PostgresDatabase, { durability }: ResolvedOptions): void {
  if (durability !== "process" && !facts.flushes)
    throw new DurabilityError("the engine (the server runs with fsync off)", durability, "process");
  if (durability === "replicated" && !facts.replicates)
    throw new DurabilityError("the engine (the server names no synchronous standbys)", durability, "disk");
}

function wireOf(database: PostgresDatabase, channel: string): BellWire {
  return {
    send: (text) => database.notify(channel, text),
    hear: ({ message, listening }) => database.listen(channel, { notification: message, listening }),
  };
}

const claimed = telemetryChannel("ashlar.engine.claim");

class OnPostgres implements PostgresEngine {
  readonly can: Capabilities;
  readonly clock: Clock;
  readonly sql: PostgresSql;
  readonly #database: PostgresDatabase;
  readonly #resolved: ResolvedOptions;
  readonly #shared: Shared;
  readonly #connection: ReturnType<PostgresDatabase["ownConnection"]>;
  readonly #writer: Writer;
  readonly #bells: FarBells;
  readonly #maintenance: Maintenance;
  readonly #logs: LogReads;
  readonly #cells: CellReads;
  readonly #scans: Scans;
  #closing: Promise<void> | undefined;

  constructor(database: PostgresDatabase, resolved: ResolvedOptions) {
    const { clock, random, schema, serverClock, waitingMax, busyMaxMs, maintenanceMs } = resolved;
    this.can = resolved.can;
    this.clock = clock;
    this.sql = { query: (text, values) => database.query(text, values) };
    this.#database = database;
    this.#resolved = resolved;
    const sql = prepareStatements(schema);
    this.#shared = {
      sql,
      quick: prepareQuick(schema),
      names: new Names(sql),
      clock,
      serverClock,
      schema,
      outside: database,
    };
    this.#logs = new LogReads(database, schema);
    this.#cells = new CellReads(database, { clock, schema });
    this.#scans = new Scans(database, schema);
    const own = String(random.integer(0, Number.MAX_SAFE_INTEGER));
    this.#bells = new FarBells({ clock, own, wire: wireOf(database, `${schema}_bell`) });
    this.#maintenance = new Maintenance(clock, maintenanceMs, (isClosed) => maintain(database, resolved, isClosed));
    this.#connection = database.ownConnection(writerSettings);
    this.#writer = new Writer({
      shared: this.#shared,
      connection: this.#connection,
      clock,
      random,
      shard: random.integer(0, writerShards - 1),
      waitingMax,
      busyMaxMs,
      whenCommitted: (topics) => this.#committed(topics),
    });
  }

  /** Reads the server's clock, and begins to hear others. */
  async start(): Promise<void> {
    await this.#writer.submit({ kind: "commit", changes: [] });
    await this.#bells.start();
  }

  commit(changes: readonly Change[]): Promise<CommitResult> {
    try {
      this.#refuseWhenDisposed();
      validateChanges(changes, this.can);
    } catch (error) {
      return Promise.reject(error);
    }
    // The caller may go on with its own array before the turn comes.
    return this.#writer.submit<CommitCall>({ kind: "commit", changes: changes.slice() });
  }

  async claim(request: ClaimRequest): Promise<ClaimResult> {
    this.#refuseWhenDisposed();
    validateClaim(request);
    const startedMs = claimed.active ? this.clock.monotonic() : 0;
    const result = await this.#writer.submit<ClaimCall>({ kind: "claim", request });
    if (claimed.active) {
      const durationMs = this.clock.monotonic() - startedMs;
      const { queue, count: asked } = request;
      claimed.publish({ engine: "postgres", queue, asked, ready: result.claims.length, durationMs });
    }
    return result;
  }

  async extend(receipts: readonly Receipt[], leaseMs: number): Promise<readonly boolean[]> {
    this.#refuseWhenDisposed();
    validateLease(leaseMs);
    return this.#writer.submit<ExtendCall>({ kind: "extend", receipts: receipts.slice(), leaseMs });
  }

  async read(request: ReadRequest): Promise<ReadResult> {
    this.#refuseWhenDisposed();
    validateRead(request);
    return reading(() => this.#logs.read(request));
  }

  async stream(request: StreamRequest): Promise<readonly RecordedEvent[]> {
    this.#refuseWhenDisposed();
    validateStream(request);
    return reading(() => this.#logs.stream(request));
  }

  async get(cells: readonly CellKey[]): Promise<readonly (Cell | undefined)[]> {
    this.#refuseWhenDisposed();
    return reading(() => this.#cells.get(cells));
  }

  async *scan<Q extends ScanQuery>(query: Q): AsyncGenerator<ScanRow<Q>> {
    this.#refuseWhenDisposed();
    try {
      yield* this.#scans.rows(query, this.clock.now());
    } catch (error) {
      throw engineFault(error);
    }
  }

  bell(topics: readonly BellTopic[], ring: () => void): Disposable {
    this.#refuseWhenDisposed();
    return this.#bells.add(topics, ring);
  }

  async transaction<T>(work: (tx: Transaction<PostgresSql>) => T | Promise<T>): Promise<T> {
    this.#refuseWhenDisposed();
    const shard = writerShards + this.#resolved.random.integer(0, writerShards - 1);
    const { result, topics } = await runTransaction(
      { database: this.#database, shared: this.#shared, can: this.can, shard },
      work,
    );
    this.#committed(topics);
    return result;
  }

  async migrate(name: string, steps: readonly MigrationStep[]): Promise<void> {
    this.#refuseWhenDisposed();
    if (name.startsWith("ashlar")) throw new ConfigError("name", name, 'a name that does not begin with "ashlar"');
    await this.#database.migrate(name, steps);
  }

  async verify(): Promise<readonly string[]> {
    this.#refuseWhenDisposed();
    return reading(() => auditFaults(this.#database, this.#resolved.schema));
  }

  health(): Promise<PostgresHealth> {
    return this.#database.health();
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await this.#writer.idle();
    await this.#maintenance.close();
    await this.#bells[Symbol.asyncDispose]();
    await this.#connection[Symbol.asyncDispose]();
    await this.#database[Symbol.asyncDispose]();
  }

  #committed(topics: ReadonlySet<BellTopic>): void {
    this.#bells.ring(topics);
    this.#maintenance.arm();
  }

  #refuseWhenDisposed(): void {
    if (this.#closing !== undefined) throw new DisposedError("the PostgreSQL engine");
  }
}

// Rows of counts that a queue may have: so many writers do not wait for one another, and so many open transactions.
const writerShards = 32;

async function reading<T>(read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    throw engineFault(error);
  }
}
