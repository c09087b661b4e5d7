export { openPostgresEngine, type PostgresEngine } from "./engine.ts";
export type { PostgresDurability, PostgresEngineOptions } from "./options.ts";
export type { PostgresSql } from "./transaction.ts";
