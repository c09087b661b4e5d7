export { openSqliteEngine, type SqliteEngine } from "./engine.ts";
export type { Machine, ProcessIdentity } from "./machine.ts";
export type { SqliteEngineOptions } from "./options.ts";
export type { SqliteSql } from "./transaction-handle.ts";
