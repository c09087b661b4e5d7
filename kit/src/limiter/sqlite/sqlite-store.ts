import { type Clock, systemClock } from "../../clock/mod.ts";
import { openSqlite, type SqliteDatabase, type SqliteDurability } from "../../drivers/sqlite/mod.ts";
import { integerIn } from "../../errors/mod.ts";
import type { Random } from "../../random/mod.ts";
import type { LimiterStore, StoreCall, Verdict } from "../store.ts";
import { decideBatch } from "./batch.ts";
import { schemaSteps } from "./schema.ts";

/** Options of {@link openSqliteStore}. */
export interface SqliteStoreOptions {
  /** A file on a local disk, made when absent. Its folder must exist. */
  readonly path: string;
  /** "process" (default): what was taken survives `kill -9`. "disk": it survives power loss, for a flush of the disk a batch. */
  readonly durability?: SqliteDurability;
  /** Keys of all rules, 1 to 100,000,000. Beyond it those that would recover first are forgotten. Default 1,000,000. */
  readonly keysMax?: number;
  /** Longest wait for another process that writes, 1 ms to 10 min. Default 1 s. */
  readonly busyMaxMs?: number;
  readonly clock?: Clock;
  readonly random?: Random;
}

/** The states of limits in a file, for all processes of a machine. Closing it lets calls in hand end. */
export interface SqliteStore extends LimiterStore, AsyncDisposable {}

/**
 * Opens or makes the file. A batch is one transaction, shared with whatever else this process writes in that turn; all processes together never
 * pass a limit. Throws ConfigError, UnsupportedError (network file system), SqliteError.
 */
export async function openSqliteStore(options: SqliteStoreOptions): Promise<SqliteStore> {
  const { path, clock = systemClock, random, durability = "process", busyMaxMs = 1_000 } = options;
  const keysMax = integerIn("keysMax", options.keysMax ?? 1_000_000, { min: 1, max: 100_000_000 });
  const database = await openSqlite({
    path,
    durability,
    busyMaxMs,
    clock,
    ...(random === undefined ? {} : { random }),
  });
  try {
    await database.migrate("ashlar-limiter", schemaSteps);
  } catch (error) {
    await database[Symbol.asyncDispose]();
    throw error;
  }
  return new OnSqlite(database, clock, keysMax);
}

class OnSqlite implements SqliteStore {
  readonly name = "sqlite";
  readonly #database: SqliteDatabase;
  readonly #clock: Clock;
  readonly #keysMax: number;

  constructor(database: SqliteDatabase, clock: Clock, keysMax: number) {
    this.#database = database;
    this.#clock = clock;
    this.#keysMax = keysMax;
  }

  decide(calls: readonly StoreCall[]): Promise<readonly Verdict[]> {
    // The time is read once the file is held: what another process has written before is then never of a later time.
    return this.#database.shared(() =>
      decideBatch(this.#database.writer, calls, { machineUs: this.#clock.now() * 1_000, keysMax: this.#keysMax }),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#database[Symbol.asyncDispose]();
  }
}
