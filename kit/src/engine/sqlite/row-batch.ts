import type { PreparingSession, SqlValue } from "../../drivers/sqlite/mod.ts";

type Prepared = ReturnType<PreparingSession["prepare"]>;

// 16 rows a statement cost two thirds of 16 statements; more rows gain nothing further.
const rowsAtOnce = 16;

/**
 * Rows held back until somebody may look at them or the transaction ends, and then inserted many at once: new messages and
 * events of a busy group take this way. At most 15 rows are held at any time.
 */
export class RowBatch {
  readonly #one: Prepared;
  readonly #many: Prepared;
  readonly #columns: number;
  readonly #values: SqlValue[] = [];

  /** `into`: the insert up to its `values`; `row`: one row with a question mark for each value. */
  constructor(session: PreparingSession, into: string, row: string) {
    this.#one = session.prepare(`${into} values ${row}`);
    this.#many = session.prepare(`${into} values ${Array.from({ length: rowsAtOnce }, () => row).join(", ")}`);
    this.#columns = row.split("?").length - 1;
  }

  /** One row: as many values as it has question marks. */
  add(...values: readonly SqlValue[]): void {
    this.#values.push(...values);
    if (this.#values.length < rowsAtOnce * this.#columns) return;
    this.#many.run(...this.#values);
    this.#values.length = 0;
  }

  /** Writes what is held back. */
  flush(): void {
    const values = this.#values;
    if (values.length === 0) return;
    for (let at = 0; at < values.length; at += this.#columns) this.#one.run(...values.slice(at, at + this.#columns));
    values.length = 0;
  }

  forget(): void {
    this.#values.length = 0;
  }
}
