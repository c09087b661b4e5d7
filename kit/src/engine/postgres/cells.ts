import type { Clock } from "../../clock/mod.ts";
import { bound, statement, texts, type Statement } from "../../drivers/postgres/mod.ts";
import { gate, type Gate } from "../../abort/mod.ts";
import type { Cell, CellKey } from "../cell.ts";
import type { Runner } from "./script.ts";
import { given, kept } from "./text.ts";

interface Waiting {
  readonly cells: readonly CellKey[];
  readonly found: Gate<readonly (Cell | undefined)[]>;
}

/** Reads of cells: those of one turn are one statement, which sees one state. */
export class CellReads {
  readonly #runner: Runner;
  readonly #clock: Clock;
  readonly #select: Statement;
  #waiting: Waiting[] = [];

  constructor(runner: Runner, { clock, schema }: { readonly clock: Clock; readonly schema: string }) {
    this.#runner = runner;
    this.#clock = clock;
    this.#select =
      statement(`select n, version, expires_at, value from unnest($1::text[], $2::text[]) with ordinality as k(space, key, n),
      lateral (select version, expires_at, value from ${schema}.ashlar_cell c
        where c.space = k.space and c.key = k.key and (c.expires_at is null or c.expires_at > $3) offset 0) c`);
  }

  get(cells: readonly CellKey[]): Promise<readonly (Cell | undefined)[]> {
    if (cells.length === 0) return Promise.resolve([]);
    const waiting = { cells: cells.slice(), found: gate<readonly (Cell | undefined)[]>() };
    this.#waiting.push(waiting);
    if (this.#waiting.length === 1) this.#clock.nextTurn(() => void this.#readAll());
    return waiting.found.promise;
  }

  async #readAll(): Promise<void> {
    const waiting = this.#waiting;
    this.#waiting = [];
    try {
      const found = await this.#read(waiting.flatMap(({ cells }) => cells));
      let at = 0;
      for (const { cells, found: one } of waiting) one.open(found.slice(at, (at += cells.length)));
    } catch (error) {
      for (const { found } of waiting) found.fail(error);
    }
  }

  async #read(cells: readonly CellKey[]): Promise<readonly (Cell | undefined)[]> {
    const spaces = texts(cells.map(({ space }) => kept(space)));
    const keys = texts(cells.map(({ key }) => kept(key)));
    const [answer] = await this.#runner.run([bound(this.#select, spaces, keys, String(this.#clock.now()))]);
    const found: (Cell | undefined)[] = cells.map(() => undefined);
    for (const [n, version, expiresAtMs, value] of answer?.rows ?? []) {
      const cell = cells[Number(n) - 1];
      if (cell === undefined) continue;
      found[Number(n) - 1] = {
        space: cell.space,
        key: cell.key,
        value: given(value ?? ""),
        version: Number(version),
        expiresAtMs: typeof expiresAtMs === "string" ? Number(expiresAtMs) : undefined,
      };
    }
    return found;
  }
}
