import type { SqliteSession } from "../../drivers/sqlite/mod.ts";
import type { Cell, CellKey } from "../cell.ts";

interface CellRow {
  readonly version: number;
  readonly value: string;
  readonly expires_at: number | null;
}

const cellText = `select version, value, expires_at from ashlar_cell
  where space = ? and key = ? and (expires_at is null or expires_at > ?)`;

/** The cell, unless it is absent or expired. */
export function readCell(sql: SqliteSession, { space, key }: CellKey, nowMs: number): Cell | undefined {
  const row = sql.get<CellRow>(cellText, space, key, nowMs);
  if (row === undefined) return undefined;
  return { space, key, value: row.value, version: row.version, expiresAtMs: row.expires_at ?? undefined };
}
