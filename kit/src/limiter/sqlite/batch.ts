import type { SqliteSession } from "../../drivers/sqlite/mod.ts";
import type { Algorithm } from "../algorithm.ts";
import { Cells, cellsPerSlot } from "../cells.ts";
import { algorithmOf, judge, type Keys } from "../judge.ts";
import type { PlacedRule } from "../rule.ts";
import type { StoreCall, Verdict } from "../store.ts";
import { type EntryKeys, EntryRows } from "./entry-rows.ts";
import { storeTimeAt } from "./store-time.ts";

/** What one batch is judged with. */
export interface BatchSettings {
  readonly machineUs: number;
  readonly keysMax: number;
}

/** Judges calls inside a transaction: each key is read once and written once, however many of the calls are about it. */
export function decideBatch(
  sql: SqliteSession,
  calls: readonly StoreCall[],
  { machineUs, keysMax }: BatchSettings,
): readonly Verdict[] {
  const row = sql.get<TimeRow>(timeSql) ?? { last_us: 0, ahead_us: 0, keys: 0 };
  const { lastUs: nowUs, aheadUs } = storeTimeAt({ lastUs: row.last_us, aheadUs: row.ahead_us }, machineUs);
  const rules = new Map<string, BatchKeys>();
  const keysOf = (placed: PlacedRule): Keys => {
    const known = rules.get(placed.space);
    if (known !== undefined) return known;
    const made = new BatchKeys(sql, placed);
    rules.set(placed.space, made);
    return made;
  };
  const verdicts = calls.map((call) => judge(call, nowUs, keysOf));
  const written = [...rules.values()].map((keys) => keys.write(nowUs));
  if (aheadUs === row.ahead_us && written.every(({ rows }) => rows === 0)) return verdicts;
  const added = written.reduce((sum, { added }) => sum + added, 0);
  const keys = row.keys + added;
  const dropped = added > 0 ? sweep(sql, { nowUs, over: keys - keysMax, looks: 2 * added }) : 0;
  sql.run(setTimeSql, nowUs, aheadUs, keys - dropped);
  return verdicts;
}

interface TimeRow {
  readonly last_us: number;
  readonly ahead_us: number;
  readonly keys: number;
}

interface KeyRow {
  readonly space: string;
  readonly key: string;
}

interface StateRow {
  readonly first: number;
  readonly second: number;
  readonly third: number;
}

/** For each key that came two that have recovered go; of too many, those that would recover first. */
function sweep(
  sql: SqliteSession,
  { nowUs, over, looks }: { readonly nowUs: number; readonly over: number; readonly looks: number },
): number {
  const recovered = sql.all<KeyRow>(recoveredSql, nowUs, looks);
  for (const row of recovered) drop(sql, row);
  const more = over - recovered.length;
  const nearly = more > 0 ? sql.all<KeyRow>(nearlySql, more) : [];
  for (const row of nearly) drop(sql, row);
  return recovered.length + nearly.length;
}

function drop(sql: SqliteSession, { space, key }: KeyRow): void {
  sql.run(dropEntriesSql, space, key);
  sql.run(dropSql, space, key);
}

/** The keys of one rule that a batch is about. */
class BatchKeys implements Keys, EntryKeys {
  readonly algorithm: Algorithm;
  readonly space: string;
  readonly cells = new Cells(16);
  readonly #sql: SqliteSession;
  readonly #slots = new Map<string, number>();
  readonly #names: string[] = [""];
  readonly #stored = new Set<number>();
  readonly #changed = new Set<number>();

  constructor(sql: SqliteSession, { rule, space }: PlacedRule) {
    this.#sql = sql;
    this.space = space;
    this.algorithm = algorithmOf(rule, this.cells, new EntryRows(sql, this));
  }

  nameOf(slot: number): string {
    return this.#names[slot] ?? "";
  }

  touch(slot: number): void {
    this.#changed.add(slot);
  }

  find(key: string): number {
    return this.#slots.get(key) ?? this.#read(key);
  }

  claim(key: string): number {
    const slot = this.find(key);
    this.touch(slot);
    return slot;
  }

  /** Writes what has changed: how many rows, and by how many there are more of them now. */
  write(nowUs: number): { readonly rows: number; readonly added: number } {
    let added = 0;
    for (const slot of this.#changed) added += this.#write(slot, nowUs);
    return { rows: this.#changed.size, added };
  }

  #read(key: string): number {
    const slot = this.#names.length;
    this.#names.push(key);
    this.#slots.set(key, slot);
    this.cells.reserve(slot + 1);
    const row = this.#sql.get<StateRow>(readSql, this.space, key);
    if (row === undefined) return slot;
    this.#stored.add(slot);
    this.cells.numbers.set([row.first, row.second], slot * cellsPerSlot);
    this.cells.setThird(slot, row.third);
    return slot;
  }

  #write(slot: number, nowUs: number): number {
    const key = this.nameOf(slot);
    const wasStored = this.#stored.has(slot);
    const idleAtUs = this.algorithm.idleAtUs(slot);
    if (idleAtUs <= nowUs) {
      if (!wasStored) return 0;
      drop(this.#sql, { space: this.space, key });
      return -1;
    }
    const [first = 0, second = 0] = this.cells.numbers.subarray(slot * cellsPerSlot);
    this.#sql.run(writeSql, this.space, key, first, second, this.cells.third(slot), idleAtUs);
    return wasStored ? 0 : 1;
  }
}

const timeSql = "select last_us, ahead_us, keys from ashlar_limiter_time";
const setTimeSql = "update ashlar_limiter_time set last_us = ?, ahead_us = ?, keys = ?";
const recoveredSql = "select space, key from ashlar_limiter_state where idle_at_us <= ? order by idle_at_us limit ?+0";
const nearlySql = "select space, key from ashlar_limiter_state order by idle_at_us limit ?+0";
const dropSql = "delete from ashlar_limiter_state where space = ? and key = ?";
const dropEntriesSql = "delete from ashlar_limiter_entry where space = ? and key = ?";
const readSql = "select first, second, third from ashlar_limiter_state where space = ? and key = ?";
const writeSql = `insert into ashlar_limiter_state values (?, ?, ?, ?, ?, ?)
  on conflict do update set first = excluded.first, second = excluded.second, third = excluded.third, idle_at_us = excluded.idle_at_us`;
