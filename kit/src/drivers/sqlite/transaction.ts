import type { DatabaseSync } from "node:sqlite";
import { DisposedError, InvariantError, UnsupportedError } from "../../errors/mod.ts";
import type { RunResult, SqliteSession, SqlValue } from "./session.ts";
import { SqliteError } from "./sqlite-error.ts";
import { keywordOf } from "./statement-keyword.ts";

/**
 * An open transaction on the writing connection. Refused with DisposedError once the transaction has ended, with UnsupportedError for
 * statements that would end or split it, and with SqliteError after one that rolled it back as a whole (`on conflict rollback`, a
 * failing disk): whoever caught the error of that one must not go on outside of any transaction.
 */
export interface SqliteTransaction extends SqliteSession {
  /** Runs `work` under a savepoint: what it wrote is undone when it throws, and the outer transaction goes on.
   *  One at a time on each level; a second one beside it is refused with InvariantError. */
  nested<T>(work: (tx: SqliteTransaction) => T | Promise<T>): Promise<T>;
  /** Throws what a statement would throw now because the transaction has ended, was rolled back or has a nested one open. */
  refuseUnlessOpen(): void;
}

/** A transaction's handle and the means to end its validity, that of nested ones included. */
export interface OpenTransaction {
  readonly tx: SqliteTransaction;
  end(): void;
}

/** What the handles of all levels share. */
interface Life {
  readonly database: DatabaseSync;
  readonly session: SqliteSession;
  state: "open" | "ended" | "lost";
}

export function openTransaction(database: DatabaseSync, session: SqliteSession): OpenTransaction {
  const life: Life = { database, session, state: "open" };
  return { tx: new Level(life, 0), end: () => (life.state = "ended") };
}

/** The error of whatever comes after the statement that rolled the transaction back. */
export function transactionLost(): SqliteError {
  return new SqliteError("other", "a statement rolled the whole transaction back; nothing of it was kept");
}

const controls: ReadonlySet<string> = new Set(["begin", "commit", "end", "rollback", "savepoint", "release"]);

class Level implements SqliteTransaction {
  readonly #life: Life;
  readonly #depth: number;
  #inner: "none" | "open" = "none";
  #isOver = false;

  constructor(life: Life, depth: number) {
    this.#life = life;
    this.#depth = depth;
  }

  run(sql: string, ...values: readonly SqlValue[]): RunResult {
    return this.#use(sql, (session) => session.run(sql, ...values));
  }

  get<Row>(sql: string, ...values: readonly SqlValue[]): Row | undefined {
    return this.#use(sql, (session) => session.get<Row>(sql, ...values));
  }

  all<Row>(sql: string, ...values: readonly SqlValue[]): readonly Row[] {
    return this.#use(sql, (session) => session.all<Row>(sql, ...values));
  }

  async nested<T>(work: (tx: SqliteTransaction) => T | Promise<T>): Promise<T> {
    this.refuseUnlessOpen();
    const { database } = this.#life;
    const name = `level_${this.#depth + 1}`;
    const inner = new Level(this.#life, this.#depth + 1);
    database.exec(`savepoint ${name}`);
    this.#inner = "open";
    try {
      const outcome = await work(inner);
      if (this.#isAlive()) database.exec(`release ${name}`);
      return outcome;
    } catch (error) {
      if (this.#isAlive()) database.exec(`rollback to ${name}; release ${name}`);
      throw error;
    } finally {
      inner.#isOver = true;
      this.#inner = "none";
    }
  }

  #use<T>(sql: string, use: (session: SqliteSession) => T): T {
    this.refuseUnlessOpen();
    const keyword = keywordOf(sql);
    if (controls.has(keyword))
      throw new UnsupportedError(
        `"${keyword}" inside a transaction`,
        "the SQLite driver",
        "throw from the work to roll all of it back",
      );
    const outcome = use(this.#life.session);
    if (!this.#isAlive()) throw transactionLost();
    return outcome;
  }

  // The connection itself says whether the transaction is still there: a statement may have rolled it back, or a time limit ended it.
  #isAlive(): boolean {
    const life = this.#life;
    if (life.state === "open" && !life.database.isTransaction) life.state = "lost";
    return life.state === "open";
  }

  refuseUnlessOpen(): void {
    const isAlive = this.#isAlive();
    if (this.#life.state === "lost") throw transactionLost();
    if (!isAlive || this.#isOver) throw new DisposedError("the transaction");
    if (this.#inner === "open")
      throw new InvariantError("a nested transaction is open: use its own handle until it has ended");
  }
}
