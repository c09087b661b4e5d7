import { DisposedError } from "../../errors/mod.ts";
import { CommitMarker, markerStatements, type MarkerStatements } from "./commit-marker.ts";
import { Listener, type Heard } from "./listener.ts";
import { patiently } from "./connector.ts";
import { migrate, type MigrationStep } from "./migrate.ts";
import { resolvePostgres, type PostgresOptions, type ResolvedPostgres } from "./options.ts";
import { Pool, type PoolStatus } from "./pool.ts";
import type { ServerFacts } from "./server-facts.ts";
import { isLost } from "./postgres-error.ts";
import type { PostgresSession, QueryResult } from "./session.ts";
import { bound, statement, type Bound, type WireRows } from "./statement.ts";
import { SteadySession } from "./steady-session.ts";
import { runTransaction, type PostgresTransaction } from "./transaction.ts";

/** Whether the server answers, how fast, and how busy the pool is. */
export interface PostgresHealth extends PoolStatus {
  readonly status: "up" | "down";
  readonly latencyMs: number | undefined;
  readonly version: number | undefined;
  /** Why it is down. */
  readonly reason: string | undefined;
}

/** A connection that its holder keeps, with the marker of its transactions. */
export interface OwnConnection extends AsyncDisposable {
  readonly steady: SteadySession;
  readonly marker: CommitMarker;
}

/** One PostgreSQL server, opened. */
export interface PostgresDatabase extends AsyncDisposable {
  readonly facts: ServerFacts;
  /** Of the driver's tables, and of those that `migrate` brings up to date. */
  readonly schema: string;
  /** One statement on a connection of the pool. What the client library cannot send rejects with PostgresError, as does what the server refuses. */
  query<Row>(text: string, values?: readonly unknown[]): Promise<QueryResult<Row>>;
  /** Prepared statements in one round trip, as one transaction. */
  run(statements: readonly Bound[]): Promise<readonly WireRows[]>;
  /** Runs `work` in a transaction. It is rolled back when `work` throws and, with TimeoutError, after `transactionMaxMs`. When the connection is lost
   *  behind COMMIT, the server is asked what became of it: it resolves if committed, rejects with the fault (nothing applied) if not, and with
   *  OutcomeUnknownError when nobody can be asked. */
  transaction<T>(work: (tx: PostgresTransaction) => T | Promise<T>): Promise<T>;
  /** A connection for a writer that keeps one. `settings` are those of its session, beside the common ones. */
  ownConnection(settings?: Readonly<Record<string, string>>): OwnConnection;
  /** Hears a channel, across lost connections, until disposed. */
  listen(channel: string, heard: Heard): Listener;
  /** Rings a channel. At most 8,000 bytes. */
  notify(channel: string, payload: string): Promise<void>;
  /** Brings the tables of `family` up to date. Begins again, for `connectMaxMs`, when the connection is lost. Throws MigrationError when database and
   *  steps disagree. */
  migrate(family: string, steps: readonly MigrationStep[]): Promise<void>;
  health(): Promise<PostgresHealth>;
}

const notifyStatement = statement("select pg_notify($1, $2)");
const askAlive = bound(statement("select 1"));

/** Connects, and prepares the driver's own tables. Throws ConfigError, UnsupportedError (no client library), PostgresError, MigrationError. */
export async function openPostgres(options: PostgresOptions): Promise<PostgresDatabase> {
  const resolved = resolvePostgres(options);
  const markers = markerStatements(resolved.schema);
  const pool = new Pool(resolved, markers);
  try {
    const plan = { schema: resolved.schema, family: "ashlar-driver", steps: ownSteps(resolved.schema) };
    const facts = await throughLosses(pool, resolved, async (session) => {
      // A replica gets its tables from the primary, perhaps in a moment, and what is only read needs none of ours.
      if (session.facts.role === "primary") await migrate(session, plan);
      return session.facts;
    });
    return new Database({ resolved, markers, pool, facts });
  } catch (error) {
    await pool.close();
    throw error;
  }
}

/** For what may be begun again: a server that fails over while a program starts must not end the program. */
function throughLosses<T>(
  pool: Pool,
  options: ResolvedPostgres,
  work: (session: PostgresSession) => Promise<T>,
): Promise<T> {
  const untilMs = options.clock.monotonic() + options.connectMaxMs;
  return patiently(options, { untilMs, mayPass: isLost }, () => pool.use(({ session }) => work(session), untilMs));
}

/** The driver's own tables. */
function ownSteps(schema: string): readonly MigrationStep[] {
  const writer = `create table ${schema}.ashlar_writer(
    id bigint generated always as identity primary key, commits bigint not null default 0, epoch integer not null default 0,
    note text, at timestamptz not null default now()) with (fillfactor = 50)`;
  return [{ name: "markers of commits", sql: writer, older: "run" }];
}

interface DatabaseParts {
  readonly resolved: ResolvedPostgres;
  readonly markers: MarkerStatements;
  readonly pool: Pool;
  readonly facts: ServerFacts;
}

class Database implements PostgresDatabase {
  readonly facts: ServerFacts;
  readonly schema: string;
  readonly #parts: DatabaseParts;
  #closing: Promise<void> | undefined;

  constructor(parts: DatabaseParts) {
    this.#parts = parts;
    this.facts = parts.facts;
    this.schema = parts.resolved.schema;
  }

  query<Row>(text: string, values?: readonly unknown[]): Promise<QueryResult<Row>> {
    return this.#pool().use(({ session }) => session.query<Row>(text, values));
  }

  run(statements: readonly Bound[]): Promise<readonly WireRows[]> {
    return this.#pool().use(({ session }) => session.run(statements));
  }

  transaction<T>(work: (tx: PostgresTransaction) => T | Promise<T>): Promise<T> {
    return runTransaction(this.#pool(), this.#parts.resolved, work);
  }

  ownConnection(settings: Readonly<Record<string, string>> = {}): OwnConnection {
    const { resolved, markers } = this.#parts;
    const steady = new SteadySession({ ...resolved, settings: { ...resolved.settings, ...settings } });
    return {
      steady,
      marker: new CommitMarker(markers),
      [Symbol.asyncDispose]: () => steady[Symbol.asyncDispose](),
    };
  }

  listen(channel: string, heard: Heard): Listener {
    return new Listener(this.#parts.resolved, channel, heard);
  }

  async notify(channel: string, payload: string): Promise<void> {
    await this.run([bound(notifyStatement, channel, payload)]);
  }

  async migrate(family: string, steps: readonly MigrationStep[]): Promise<void> {
    const { resolved } = this.#parts;
    const plan = { schema: resolved.schema, family, steps };
    await throughLosses(this.#pool(), resolved, (session) => migrate(session, plan));
  }

  async health(): Promise<PostgresHealth> {
    const { pool, resolved, facts } = this.#parts;
    const startedMs = resolved.clock.monotonic();
    const common = { ...pool.status, version: facts.version };
    try {
      await this.run([askAlive]);
      const latencyMs = resolved.clock.monotonic() - startedMs;
      return { ...common, status: "up", latencyMs, reason: undefined };
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      return { ...common, status: "down", latencyMs: undefined, reason };
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closing ??= this.#parts.pool.close();
    return this.#closing;
  }

  #pool(): Pool {
    if (this.#closing !== undefined) throw new DisposedError("the PostgreSQL database");
    return this.#parts.pool;
  }
}
