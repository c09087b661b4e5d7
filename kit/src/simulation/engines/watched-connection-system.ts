import { DatabaseSync, type DatabaseSyncOptions, type SQLInputValue, type StatementSync } from "node:sqlite";

/** What a statement does, as far as crashes are concerned. */
export type StatementKind = "commit" | "checkpoint" | "write" | "read";

/** Stands around every statement of a connection; throws instead of running it, or afterwards, when its process is dead. */
export type Around = <T>(kind: StatementKind, run: () => T) => T;

/** A connection, and the way around its `around` for what SQLite does when its process dies. */
export interface WatchedConnection {
  readonly database: DatabaseSync;
  /** Takes back what is open. The connection stays, because the driver asks a closed one in vain whether it is in a transaction. */
  rollBack(): void;
  /** Closes it, and lets go of its process: a statement holds its connection where the garbage collector does not see it. */
  bury(): void;
}

/** A real connection each of whose statements goes through `around`. */
export function watchedConnection(
  path: string,
  { readOnly, ...options }: DatabaseSyncOptions,
  around: Around,
): WatchedConnection {
  const database = new DatabaseSync(path, { readOnly: readOnly ?? false, ...options });
  const kindOf = (sql: string): StatementKind => (readOnly === true ? "read" : kindOfWriter(sql));
  const prepare = database.prepare.bind(database);
  const exec = database.exec.bind(database);
  database.prepare = (sql) => watched(prepare(sql), <T>(run: () => T): T => around(kindOf(sql), run));
  database.exec = (sql) => around(kindOf(sql), () => exec(sql));
  return {
    database,
    rollBack: () => (database.isOpen && database.isTransaction ? exec("rollback") : undefined),
    bury: () => {
      if (database.isOpen) database.close();
      database.prepare = prepare;
      database.exec = exec;
    },
  };
}

function watched(statement: StatementSync, around: <T>(run: () => T) => T): StatementSync {
  const run = statement.run.bind(statement);
  const get = statement.get.bind(statement);
  const all = statement.all.bind(statement);
  return Object.assign(statement, {
    run: (...values: readonly SQLInputValue[]) => around(() => run(...values)),
    get: (...values: readonly SQLInputValue[]) => around(() => get(...values)),
    all: (...values: readonly SQLInputValue[]) => around(() => all(...values)),
  });
}

function kindOfWriter(sql: string): StatementKind {
  if (sql === "commit") return "commit";
  if (/wal_checkpoint\((passive|restart)\)/.test(sql)) return "checkpoint";
  return sql.startsWith("pragma") ? "read" : "write";
}
