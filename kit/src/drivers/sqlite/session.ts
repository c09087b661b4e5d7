import type { DatabaseSync, SQLInputValue, StatementSync } from "node:sqlite";
import { sqliteError } from "./sqlite-error.ts";

/** What SQLite stores. */
export type SqlValue = string | number | bigint | null | Uint8Array;

/** What a writing statement did. */
export interface RunResult {
  readonly changes: number;
  readonly lastInsertRowid: number;
}

/** Statements on one connection, synchronous. Each text is prepared once and kept (the 256 used last).
 *  Throws SqliteError. Costs 1 to 3 µs a statement above SQLite's own work. */
export interface SqliteSession {
  run(sql: string, ...values: readonly SqlValue[]): RunResult;
  get<Row>(sql: string, ...values: readonly SqlValue[]): Row | undefined;
  all<Row>(sql: string, ...values: readonly SqlValue[]): readonly Row[];
}

/** A session that also hands out the prepared statements, for hot paths that keep them in fields. Their errors are node:sqlite's own. */
export interface PreparingSession extends SqliteSession {
  /** Prepared for good: not in the cache, and never dropped. */
  prepare(sql: string): StatementSync;
  /** Several statements without values or results. */
  exec(sql: string): void;
}

const statementsMax = 256;

export function session(database: DatabaseSync): PreparingSession {
  return new Session(database);
}

class Session implements PreparingSession {
  readonly #database: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();

  constructor(database: DatabaseSync) {
    this.#database = database;
  }

  run(sql: string, ...values: readonly SqlValue[]): RunResult {
    return this.#guarded(sql, (statement) => {
      const { changes, lastInsertRowid } = statement.run(...(values as readonly SQLInputValue[]));
      return { changes: Number(changes), lastInsertRowid: Number(lastInsertRowid) };
    });
  }

  get<Row>(sql: string, ...values: readonly SqlValue[]): Row | undefined {
    return this.#guarded(sql, (statement) => statement.get(...(values as readonly SQLInputValue[])) as Row | undefined);
  }

  all<Row>(sql: string, ...values: readonly SqlValue[]): readonly Row[] {
    return this.#guarded(
      sql,
      (statement) => statement.all(...(values as readonly SQLInputValue[])) as unknown as readonly Row[],
    );
  }

  prepare(sql: string): StatementSync {
    return this.#database.prepare(sql);
  }

  exec(sql: string): void {
    try {
      this.#database.exec(sql);
    } catch (error) {
      throw sqliteError(error, shortened(sql));
    }
  }

  #guarded<T>(sql: string, use: (statement: StatementSync) => T): T {
    try {
      return use(this.#statement(sql));
    } catch (error) {
      throw sqliteError(error, shortened(sql));
    }
  }

  // A Map keeps insertion order: taking an entry out and putting it back makes it the youngest.
  #statement(sql: string): StatementSync {
    const known = this.#statements.get(sql);
    if (known !== undefined) {
      this.#statements.delete(sql);
      this.#statements.set(sql, known);
      return known;
    }
    const prepared = this.#database.prepare(sql);
    if (this.#statements.size >= statementsMax) {
      for (const eldest of this.#statements.keys()) {
        this.#statements.delete(eldest);
        break;
      }
    }
    this.#statements.set(sql, prepared);
    return prepared;
  }
}

function shortened(sql: string): string {
  const line = sql.replaceAll(/\s+/g, " ").trim();
  return line.length <= 120 ? line : `${line.slice(0, 117)}...`;
}
