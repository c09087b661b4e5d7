import type { PostgresEngine } from "ashlar/engine/postgres";
import type { SqliteEngine } from "ashlar/engine/sqlite";

/** An engine with transactions in SQL. */
export type ShopEngine = SqliteEngine | PostgresEngine;
