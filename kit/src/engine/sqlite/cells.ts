import type { PreparingSession } from "../../drivers/sqlite/mod.ts";
import type { Cell, CellKey } from "../cell.ts";

type CellRow = readonly [version: number, value: string, expiresAtMs: number | null];

/** Reads of cells on a connection that sees what is committed, by one prepared statement. */
export class CellReads {
  readonly #cell: ReturnType<PreparingSession["prepare"]>;

  constructor(session: PreparingSession) {
    this.#cell = session.prepare(`select version, value, expires_at from ashlar_cell
      where space = ? and key = ? and (expires_at is null or expires_at > ?)`);
    this.#cell.setReturnArrays(true);
  }

  /** The cell, unless it is absent or expired. */
  get({ space, key }: CellKey, nowMs: number): Cell | undefined {
    const row = this.#cell.get(space, key, nowMs) as unknown as CellRow | undefined;
    if (row === undefined) return undefined;
    const [version, value, expiresAtMs] = row;
    return { space, key, value, version, expiresAtMs: expiresAtMs ?? undefined };
  }
}
