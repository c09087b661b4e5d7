import type { DatabaseSync } from "node:sqlite";
import { DisposedError, InvariantError } from "../../errors/mod.ts";
import type { RunResult, SqliteSession, SqlValue } from "./session.ts";

/** An open transaction on the writing connection. Refused with DisposedError once the transaction has ended. */
export interface SqliteTransaction extends SqliteSession {
  /** Runs `work` under a savepoint: what it wrote is undone when it throws, and the outer transaction goes on.
   *  One at a time on each level; a second one beside it is refused with InvariantError. */
  nested<T>(work: (tx: SqliteTransaction) => T | Promise<T>): Promise<T>;
}

/** A transaction's handle and the means to end its validity. */
export interface OpenTransaction {
  readonly tx: SqliteTransaction;
  end(): void;
}

export function openTransaction(database: DatabaseSync, session: SqliteSession): OpenTransaction {
  const tx = new Level(database, session, 0);
  return { tx, end: () => tx.end() };
}

class Level implements SqliteTransaction {
  readonly #database: DatabaseSync;
  readonly #session: SqliteSession;
  readonly #depth: number;
  #state: "open" | "nested" | "ended" = "open";

  constructor(database: DatabaseSync, session: SqliteSession, depth: number) {
    this.#database = database;
    this.#session = session;
    this.#depth = depth;
  }

  end(): void {
    this.#state = "ended";
  }

  run(sql: string, ...values: readonly SqlValue[]): RunResult {
    return this.#open().run(sql, ...values);
  }

  get<Row>(sql: string, ...values: readonly SqlValue[]): Row | undefined {
    return this.#open().get<Row>(sql, ...values);
  }

  all<Row>(sql: string, ...values: readonly SqlValue[]): readonly Row[] {
    return this.#open().all<Row>(sql, ...values);
  }

  async nested<T>(work: (tx: SqliteTransaction) => T | Promise<T>): Promise<T> {
    this.#open();
    const name = `level_${this.#depth + 1}`;
    const inner = new Level(this.#database, this.#session, this.#depth + 1);
    this.#database.exec(`savepoint ${name}`);
    this.#state = "nested";
    try {
      const outcome = await work(inner);
      if (this.#isCurrent()) this.#database.exec(`release ${name}`);
      return outcome;
    } catch (error) {
      if (this.#isCurrent()) this.#database.exec(`rollback to ${name}; release ${name}`);
      throw error;
    } finally {
      inner.end();
      if (this.#isCurrent()) this.#state = "open";
    }
  }

  // False when the outer transaction was ended (by its time limit) while the inner work went on.
  #isCurrent(): boolean {
    return this.#state === "nested";
  }

  #open(): SqliteSession {
    if (this.#state === "ended") throw new DisposedError("the transaction");
    if (this.#state === "nested")
      throw new InvariantError("a nested transaction is open: use its own handle until it has ended");
    return this.#session;
  }
}
