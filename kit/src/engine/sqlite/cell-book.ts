import type { PreparingSession } from "../../drivers/sqlite/mod.ts";
import type { CellKey } from "../cell.ts";
import { compareText } from "../text-order.ts";
import { KnownCells, type KnownCell } from "./known-cells.ts";
import { RowBatch } from "./row-batch.ts";
import { saveCells, type Statements } from "./statements.sql.ts";

// About 150 bytes each, and up to twice as many.
const cellsKept = 4_096;
// Beyond it all are forgotten: spaces are few, unless somebody makes them of ids.
const spacesKept = 1_000;

type CellRow = readonly [version: number, expiresAtMs: number | null];

/**
 * The cells as the open transaction sees them: what was written or looked at lately is remembered, so that the next check of it costs
 * no look, and writes are held back and done many at once. Nothing else reads cells on the writing connection. Forgotten when another
 * process has committed or a transaction is rolled back.
 */
export class CellBook {
  readonly #sql: Statements;
  readonly #writes: RowBatch;
  readonly #known: KnownCells;
  /** A bound of the keys of a space: no cell lies behind it. Ids that rise with time are thereby known to be new. */
  readonly #lastKeys = new Map<string, string>();

  constructor(session: PreparingSession, sql: Statements) {
    this.#sql = sql;
    this.#writes = new RowBatch(session, saveCells);
    this.#known = new KnownCells(cellsKept);
  }

  /** Version of the cell; `undefined` when it is absent or expired. */
  version({ space, key }: CellKey, nowMs: number): number | undefined {
    const known = this.#known.get(space, key);
    if (known !== undefined) return alive(known, nowMs);
    if (compareText(key, this.#lastKey(space)) > 0) return undefined;
    if (this.#writes.holds(key)) this.#writes.flush();
    const row = this.#sql.cell.get(space, key) as unknown as CellRow | undefined;
    if (row === undefined) return undefined;
    // Only what somebody guards is worth remembering: it will be guarded again.
    const cell = { version: row[0], expiresAtMs: row[1] ?? undefined };
    this.#known.add(space, key, cell);
    return alive(cell, nowMs);
  }

  /** Writes the cell, which then has that version. */
  put({ space, key }: CellKey, cell: KnownCell & { readonly version: number }, value: string): void {
    this.#note(space, key, cell);
    this.#writes.addNamed(key, space, key, cell.version, cell.expiresAtMs ?? null, value);
  }

  drop({ space, key }: CellKey): void {
    this.#writes.flush();
    this.#sql.dropCell.run(space, key);
    this.#note(space, key, { version: undefined, expiresAtMs: undefined });
  }

  /** Writes what is held back. */
  flush(): void {
    this.#writes.flush();
  }

  /** Deletes some of the cells that are over, and answers how many. */
  expire(nowMs: number, limit: number): number {
    this.#writes.flush();
    const count = Number(this.#sql.expireCells.run(nowMs, limit).changes);
    // A clock that steps back must not bring them to life again.
    if (count > 0) this.#known.forget();
    return count;
  }

  forget(): void {
    this.#writes.forget();
    this.#known.forget();
    this.#lastKeys.clear();
  }

  #note(space: string, key: string, cell: KnownCell): void {
    const known = this.#known.get(space, key);
    if (known === undefined) {
      const last = this.#lastKeys.get(space);
      if (last !== undefined && compareText(key, last) > 0) this.#lastKeys.set(space, key);
      return;
    }
    known.version = cell.version;
    known.expiresAtMs = cell.expiresAtMs;
  }

  /** Empty when the space is: no key is. */
  #lastKey(space: string): string {
    const known = this.#lastKeys.get(space);
    if (known !== undefined) return known;
    this.#writes.flush();
    const row = this.#sql.lastCell.get(space) as unknown as readonly [key: string] | undefined;
    if (this.#lastKeys.size >= spacesKept) this.#lastKeys.clear();
    const last = row?.[0] ?? "";
    this.#lastKeys.set(space, last);
    return last;
  }
}

function alive({ version, expiresAtMs }: KnownCell, nowMs: number): number | undefined {
  return expiresAtMs === undefined || expiresAtMs > nowMs ? version : undefined;
}
