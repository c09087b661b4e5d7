import type { PreparingSession, SqlValue } from "../../drivers/sqlite/mod.ts";
import { invariant } from "../../errors/mod.ts";

type Prepared = ReturnType<PreparingSession["prepare"]>;

// 16 rows a statement cost two thirds of 16 statements; more rows gain nothing further. The rest of a group goes by fours.
const rowsAtOnce = 16;
const portions = [rowsAtOnce, 4, 1] as const;

/** The statement that writes so many rows. */
export type RowsText = (rows: number) => string;

/**
 * Rows held back until somebody may look at them or the transaction ends, and then written many at once: what a busy group adds,
 * stores and acknowledges takes this way. At most 15 rows are held at any time.
 */
export class RowBatch {
  readonly #statements: readonly { readonly rows: number; readonly statement: Prepared }[];
  readonly #full: Prepared;
  readonly #columns: number;
  readonly #values: SqlValue[] = [];
  readonly #names: string[] = [];

  /** `text`: the statement for a number of rows, with as many question marks for each of them. Each row must be new to it, or found. */
  constructor(session: PreparingSession, text: RowsText) {
    this.#statements = portions.map((rows) => ({ rows, statement: session.prepare(text(rows)) }));
    this.#full = session.prepare(text(rowsAtOnce));
    this.#columns = text(1).split("?").length - 1;
  }

  /** One row: as many values as it has question marks. */
  add(...values: readonly SqlValue[]): void {
    this.#values.push(...values);
    if (this.#values.length < rowsAtOnce * this.#columns) return;
    this.#write(this.#full, rowsAtOnce, this.#values);
    this.forget();
  }

  /** As `add`, for a row that somebody may look for by its name before it is written. */
  addNamed(name: string, ...values: readonly SqlValue[]): void {
    this.#names.push(name);
    this.add(...values);
  }

  /** Whether a look at the table for that name would miss a row. */
  holds(name: string): boolean {
    return this.#names.includes(name);
  }

  get isEmpty(): boolean {
    return this.#values.length === 0;
  }

  /** Whether the next row makes it write. */
  get isNearlyFull(): boolean {
    return this.#values.length === (rowsAtOnce - 1) * this.#columns;
  }

  /** Writes what is held back. */
  flush(): void {
    const values = this.#values;
    if (values.length === 0) return;
    let at = 0;
    for (const { rows, statement } of this.#statements) {
      const width = rows * this.#columns;
      for (; at + width <= values.length; at += width) this.#write(statement, rows, values.slice(at, at + width));
    }
    this.forget();
  }

  forget(): void {
    this.#values.length = 0;
    this.#names.length = 0;
  }

  #write(statement: Prepared, rows: number, values: readonly SqlValue[]): void {
    const { changes } = statement.run(...values);
    invariant(Number(changes) === rows, "every row that was held back is written");
  }
}

/** `into`, up to its `values`, with a row for each; `end`: what follows them. */
export function insertRows(into: string, row: string, end = ""): RowsText {
  return (rows) => `${into} values ${Array.from({ length: rows }, () => row).join(", ")}${end}`;
}
