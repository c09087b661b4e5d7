import type { SqliteSession } from "../../drivers/sqlite/mod.ts";
import { type Cells, cellsPerSlot } from "../cells.ts";
import type { Entries, Entry } from "../entries.ts";

/** The keys whose entries are meant. */
export interface EntryKeys {
  readonly space: string;
  readonly cells: Cells;
  nameOf(slot: number): string;
  /** The cells of that slot have changed. */
  touch(slot: number): void;
}

/** Entries as rows. Cells: sum of the weights, when the next ends at the earliest, when the last ends at the latest. */
export class EntryRows implements Entries {
  readonly #sql: SqliteSession;
  readonly #keys: EntryKeys;

  constructor(sql: SqliteSession, keys: EntryKeys) {
    this.#sql = sql;
    this.#keys = keys;
  }

  total(slot: number, nowUs: number): number {
    const { cells } = this.#keys;
    const base = slot * cellsPerSlot;
    const total = cells.numbers[base] ?? 0;
    if (total === 0 || nowUs < (cells.numbers[base + 1] ?? 0)) return total;
    const key = this.#keys.nameOf(slot);
    this.#sql.run(dropSql, this.#keys.space, key, nowUs);
    const left = this.#sql.get<{ total: number; next: number }>(leftSql, this.#keys.space, key);
    cells.numbers[base] = left?.total ?? 0;
    cells.numbers[base + 1] = left?.next ?? 0;
    this.#keys.touch(slot);
    return cells.numbers[base];
  }

  endOf(slot: number, weight: number): number {
    const rows = this.#sql.all<{ until_us: number; weight: number }>(
      nextSql,
      this.#keys.space,
      this.#keys.nameOf(slot),
      Math.ceil(weight), // none weighs less than 1
    );
    let ended = 0;
    for (const row of rows) {
      ended += row.weight;
      if (ended >= weight) return row.until_us;
    }
    return this.lastUntilUs(slot);
  }

  add(slot: number, { id, weight, untilUs }: Entry): void {
    const { cells } = this.#keys;
    const { numbers } = cells;
    const base = slot * cellsPerSlot;
    this.#sql.run(addSql, this.#keys.space, this.#keys.nameOf(slot), id, weight, untilUs);
    const isFirst = (numbers[base] ?? 0) === 0;
    numbers[base] = (numbers[base] ?? 0) + weight;
    if (isFirst) numbers[base + 1] = untilUs;
    cells.setThird(slot, untilUs);
  }

  remove(slot: number, id: string): number | undefined {
    const { numbers } = this.#keys.cells;
    const base = slot * cellsPerSlot;
    const row = this.#sql.get<{ weight: number }>(removeSql, this.#keys.space, this.#keys.nameOf(slot), id);
    if (row === undefined) return undefined;
    const left = (numbers[base] ?? 0) - row.weight;
    // Sums of fractions miss by a few units in the last place.
    numbers[base] = left < 0.5 ? 0 : left;
    this.#keys.touch(slot);
    return row.weight;
  }

  lastUntilUs(slot: number): number {
    const { cells } = this.#keys;
    return (cells.numbers[slot * cellsPerSlot] ?? 0) === 0 ? 0 : cells.third(slot);
  }

  clear(slot: number): void {
    this.#keys.cells.clear(slot);
  }
}

const dropSql = "delete from ashlar_limiter_entry where space = ? and key = ? and until_us <= ?";
const leftSql =
  "select coalesce(sum(weight), 0.0) as total, coalesce(min(until_us), 0.0) as next from ashlar_limiter_entry where space = ? and key = ?";
const nextSql =
  "select until_us, weight from ashlar_limiter_entry where space = ? and key = ? order by until_us limit ?+0";
const addSql = "insert into ashlar_limiter_entry values (?, ?, ?, ?, ?)";
const removeSql = "delete from ashlar_limiter_entry where space = ? and key = ? and id = ? returning weight";
