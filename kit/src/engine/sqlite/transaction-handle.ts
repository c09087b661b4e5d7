import type { RunResult, SqliteSession, SqliteTransaction, SqlValue } from "../../drivers/sqlite/mod.ts";
import { UnsupportedError } from "../../errors/mod.ts";

/** The caller's own statements inside an engine's transaction: synchronous, on the caller's own tables. */
export type SqliteSql = SqliteSession;

// The engine keeps counters in memory until the commit; a savepoint taken back behind them would leave them wrong.
const controls = /^\s*(?:begin|commit|end|rollback|savepoint|release|pragma|attach|detach|vacuum)\b/i;

/** The transaction's statements without those that would end or split it. */
export function transactionSql(tx: SqliteTransaction): SqliteSql {
  return {
    run: (sql: string, ...values: readonly SqlValue[]): RunResult => tx.run(allowed(sql), ...values),
    get: <Row>(sql: string, ...values: readonly SqlValue[]): Row | undefined => tx.get<Row>(allowed(sql), ...values),
    all: <Row>(sql: string, ...values: readonly SqlValue[]): readonly Row[] => tx.all<Row>(allowed(sql), ...values),
  };
}

function allowed(sql: string): string {
  if (!controls.test(sql)) return sql;
  throw new UnsupportedError(
    `"${sql.trim().split(/\s/)[0]}" inside a transaction`,
    "the SQLite engine",
    "throw from the work to roll all of it back",
  );
}
