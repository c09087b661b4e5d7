import {
  keywordOf,
  type RunResult,
  type SqliteSession,
  type SqliteTransaction,
  type SqlValue,
} from "../../drivers/sqlite/mod.ts";
import { UnsupportedError } from "../../errors/mod.ts";

/** The caller's own statements inside an engine's transaction: synchronous, on the caller's own tables. */
export type SqliteSql = SqliteSession;

// What would change the connection for everybody. Statements that end or split the transaction are refused by its handle: the engine
// keeps counters in memory until the commit, and a savepoint taken back behind them would leave them wrong.
const connectionWide: ReadonlySet<string> = new Set(["pragma", "attach", "detach", "vacuum"]);

/** The transaction's statements without those that reach beyond it. */
export function transactionSql(tx: SqliteTransaction): SqliteSql {
  return {
    run: (sql: string, ...values: readonly SqlValue[]): RunResult => tx.run(allowed(sql), ...values),
    get: <Row>(sql: string, ...values: readonly SqlValue[]): Row | undefined => tx.get<Row>(allowed(sql), ...values),
    all: <Row>(sql: string, ...values: readonly SqlValue[]): readonly Row[] => tx.all<Row>(allowed(sql), ...values),
  };
}

function allowed(sql: string): string {
  const keyword = keywordOf(sql);
  if (!connectionWide.has(keyword)) return sql;
  throw new UnsupportedError(
    `"${keyword}" inside a transaction`,
    "the SQLite engine",
    "it concerns the connection of everybody; use a connection of your own",
  );
}
