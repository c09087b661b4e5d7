import { promises as files } from "node:fs";
import { resolve } from "node:path";
import type { DatabaseSync, StatementSync } from "node:sqlite";
import { systemClock, type Clock } from "../../clock/mod.ts";
import { ConfigError, DisposedError, integerIn, oneOf, textOf } from "../../errors/mod.ts";
import { systemRandom, type Random } from "../../random/mod.ts";
import { backUp, integrityFaults } from "./backup.ts";
import { whileBusy } from "./busy.ts";
import { checkpointer, type Checkpointer } from "./checkpoint.ts";
import { type Connect, connectReader, connectToFile, connectWriter, type SqliteDurability } from "./connect.ts";
import { applySteps, isMigrated, type MigrationStep } from "./migrate.ts";
import { refuseNetworkFileSystem } from "./network-file-system.ts";
import { session, type PreparingSession, type SqliteSession } from "./session.ts";
import { openTransaction, type SqliteTransaction } from "./transaction.ts";
import type { TransactionHooks } from "./write-task.ts";
import { Writer } from "./writer.ts";

/** Where the file lies, what its commits survive, and how long callers wait. */
export interface SqliteOptions {
  /** A file on a local disk; made when absent. Its folder must exist. */
  readonly path: string;
  /** Default `disk`. */
  readonly durability?: SqliteDurability;
  readonly clock?: Clock;
  readonly random?: Random;
  /** Longest wait for another process that writes. 1 ms to 10 min, default 10 s. */
  readonly busyMaxMs?: number;
  /** Longest `transaction`. 1 ms to 10 min, default 5 s. */
  readonly transactionMaxMs?: number;
  /** Callers that share one commit at most. 1 to 100,000, default 512. */
  readonly groupMax?: number;
  /** Time after which a group takes no further caller. 1 to 1,000 ms, default 2. */
  readonly groupMs?: number;
  /** Callers that may wait for the writer; more are refused with SqliteError `busy`. 1 to 10,000,000, default 100,000. */
  readonly waitingMax?: number;
  /** Makes the connections. Default: real ones; a simulation gives some that die with their process. */
  readonly connect?: Connect;
}

/** One SQLite file, opened for one writing and one reading connection. Other processes may open it too. */
export interface SqliteDatabase extends AsyncDisposable {
  readonly path: string;
  readonly durability: SqliteDurability;
  readonly clock: Clock;
  /** Sees what is committed; writes fail. */
  readonly reader: PreparingSession;
  /** For statements inside `group`, `shared` and hooks only: outside of them a write is a commit of its own. */
  readonly writer: PreparingSession;
  /** Runs `run` in a transaction shared with all callers of this turn. When it throws, it is rolled back alone.
   *  It is called again when the commit that it shared had to be undone because of another caller.
   *  Resolves once the commit is as durable as the database's class says. */
  group<T>(run: (sql: SqliteSession) => T): Promise<T>;
  /** As `group` without a savepoint: `run` either leaves no trace when it throws, or may be run a second time.
   *  Saves two statements a call; for stores that check before they write. */
  shared<T>(run: () => T): Promise<T>;
  /** As `shared`, before transactions that wait already: for what must not be late because they are slow. */
  ahead<T>(run: () => T): Promise<T>;
  /** Runs `work`, which may wait, in a transaction of its own; other writers of all processes wait meanwhile.
   *  Rolled back when it throws and, with TimeoutError, after `transactionMaxMs`. */
  transaction<T>(work: (tx: SqliteTransaction) => T | Promise<T>): Promise<T>;
  /** Several reads of one state. */
  snapshot<T>(read: (sql: SqliteSession) => T): T;
  /** Brings the tables of `family` up to date. Throws MigrationError when database and steps disagree. */
  migrate(family: string, steps: readonly MigrationStep[]): Promise<void>;
  /** A number that changes when another connection has committed. 3 µs. */
  foreignVersion(): number;
  hook(hooks: TransactionHooks): void;
  /** Refuses growth of the file beyond so many bytes (SqliteError `full`; `undefined`: no limit) from the next transaction on, until
   *  changed or closed. A file that is larger already keeps its size. Counts for this process only. */
  limitSize(bytes: number | undefined): Promise<void>;
  /** Copies committed pages from the log into the database; returns how many. Nothing while a transaction is open. */
  checkpoint(): number;
  /** A consistent copy while others write; throws when `target` exists. */
  backup(target: string): Promise<void>;
  /** Faults found in pages and indexes; empty when sound. Reads the whole file on the event loop. */
  integrityFaults(): readonly string[];
}

/**
 * Opens or makes the file in write-ahead mode. Throws ConfigError, UnsupportedError on a network file system, and SqliteError
 * (`busy` when another process holds it for longer than `busyMaxMs`, `corrupt` when it is no database).
 */
export async function openSqlite(options: SqliteOptions): Promise<SqliteDatabase> {
  const path = filePath(options.path);
  const durability = oneOf("durability", options.durability ?? "disk", ["process", "disk"]);
  const { connect = connectToFile } = options;
  const wait = {
    clock: options.clock ?? systemClock,
    random: options.random ?? systemRandom,
    busyMaxMs: integerIn("busyMaxMs", options.busyMaxMs ?? 10_000, { min: 1, max: 600_000 }),
  };
  const limits = {
    ...wait,
    transactionMaxMs: integerIn("transactionMaxMs", options.transactionMaxMs ?? 5_000, { min: 1, max: 600_000 }),
    groupMax: integerIn("groupMax", options.groupMax ?? 512, { min: 1, max: 100_000 }),
    groupMs: integerIn("groupMs", options.groupMs ?? 2, { min: 1, max: 1_000 }),
    waitingMax: integerIn("waitingMax", options.waitingMax ?? 100_000, { min: 1, max: 10_000_000 }),
  };
  refuseNetworkFileSystem(path);
  const write = await whileBusy(wait, () => connectWriter(path, { durability, connect }));
  try {
    const read = await whileBusy(wait, () => connectReader(path, connect));
    return new Database({ path, durability, clock: wait.clock, write, read, limits });
  } catch (error) {
    write.close();
    throw error;
  }
}

/** Brings a file to the disk as far as it can. */
async function flushFile(path: string): Promise<void> {
  try {
    await using file = await files.open(path, "r");
    await file.datasync();
  } catch {
    // Whoever needs it flushed does it once more, and says what is wrong.
  }
}

// SQLite's own limit: 2^32 - 2 pages.
const pagesMax = 4_294_967_294;

/** Absolute, because a backup opens the file again after the working directory may have changed. */
function filePath(path: string): string {
  if (path === ":memory:")
    throw new ConfigError("path", path, "a file (a store in memory is what the memory engine is for)");
  return resolve(textOf("path", path, { lengthMax: 4096 }));
}

interface DatabaseParts {
  readonly path: string;
  readonly durability: SqliteDurability;
  readonly clock: Clock;
  readonly write: DatabaseSync;
  readonly read: DatabaseSync;
  readonly limits: ConstructorParameters<typeof Writer>[1];
}

class Database implements SqliteDatabase {
  readonly path: string;
  readonly durability: SqliteDurability;
  readonly clock: Clock;
  readonly reader: PreparingSession;
  readonly writer: PreparingSession;
  readonly #parts: DatabaseParts;
  readonly #queue: Writer;
  readonly #checkpointer: Checkpointer;
  readonly #foreign: () => unknown;
  readonly #beginReading: StatementSync;
  readonly #endReading: StatementSync;
  #closing: Promise<void> | undefined;

  constructor(parts: DatabaseParts) {
    this.#parts = parts;
    this.path = parts.path;
    this.durability = parts.durability;
    this.clock = parts.clock;
    this.reader = session(parts.read);
    this.writer = session(parts.write);
    // A simulated disk is not where the path says.
    const flushes = parts.durability === "process" && parts.limits.clock === systemClock;
    this.#checkpointer = checkpointer(this.writer, flushes ? () => flushFile(`${this.path}-wal`) : undefined);
    this.#queue = new Writer(parts.write, parts.limits, this.#checkpointer);
    const foreign = this.writer.prepare("pragma data_version");
    this.#beginReading = this.reader.prepare("begin");
    this.#endReading = this.reader.prepare("commit");
    this.#foreign = () => foreign.get()?.["data_version"];
  }

  group<T>(run: (sql: SqliteSession) => T): Promise<T> {
    return this.#queue.submit("savepoint", () => {
      const open = openTransaction(this.#parts.write, this.writer);
      try {
        return run(open.tx);
      } finally {
        open.end();
      }
    });
  }

  shared<T>(run: () => T): Promise<T> {
    return this.#queue.submit("shared", run);
  }

  ahead<T>(run: () => T): Promise<T> {
    return this.#queue.submitAhead(run);
  }

  transaction<T>(work: (tx: SqliteTransaction) => T | Promise<T>): Promise<T> {
    const open = openTransaction(this.#parts.write, this.writer);
    return this.#queue.submit(
      "exclusive",
      () => work(open.tx),
      () => open.end(),
    );
  }

  snapshot<T>(read: (sql: SqliteSession) => T): T {
    this.#beginReading.run();
    try {
      return read(this.reader);
    } finally {
      this.#endReading.run();
    }
  }

  async migrate(family: string, steps: readonly MigrationStep[]): Promise<void> {
    if (isMigrated(this.reader, family, steps)) return;
    await this.#queue.submit("savepoint", () => applySteps(this.writer, family, { steps, nowMs: this.clock.now() }));
  }

  foreignVersion(): number {
    return Number(this.#foreign());
  }

  hook(hooks: TransactionHooks): void {
    this.#queue.hook(hooks);
  }

  async limitSize(bytes: number | undefined): Promise<void> {
    if (bytes !== undefined) integerIn("bytes", bytes, { min: 1 });
    await this.#queue.submit("savepoint", () => {
      const pageBytes = this.writer.get<{ readonly page_size: number }>("pragma page_size")?.page_size ?? 4096;
      const pages = bytes === undefined ? pagesMax : Math.max(1, Math.min(pagesMax, Math.floor(bytes / pageBytes)));
      this.writer.exec(`pragma max_page_count = ${pages}`);
    });
  }

  checkpoint(): number {
    return this.#parts.write.isTransaction ? 0 : this.#checkpointer.checkpoint();
  }

  backup(target: string): Promise<void> {
    if (this.#closing !== undefined) return Promise.reject(new DisposedError("the SQLite database"));
    return backUp(this.path, target);
  }

  integrityFaults(): readonly string[] {
    return integrityFaults(this.reader);
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await this.#queue.close();
    this.#parts.read.close();
    // The last connection of all processes copies the log into the database and removes it.
    this.#parts.write.close();
  }
}
