export { type Connect, connectToFile, type SqliteDurability } from "./connect.ts";
export { MigrationError, type MigrationStep } from "./migrate.ts";
export { openSqlite, type SqliteDatabase, type SqliteOptions } from "./open.ts";
export type { PreparingSession, RunResult, SqliteSession, SqlValue } from "./session.ts";
export { sqliteError, SqliteError, type SqliteFault } from "./sqlite-error.ts";
export { keywordOf } from "./statement-keyword.ts";
export type { SqliteTransaction } from "./transaction.ts";
export type { TransactionHooks } from "./write-task.ts";
