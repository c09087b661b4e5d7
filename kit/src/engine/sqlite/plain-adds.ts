import type { PreparingSession } from "../../drivers/sqlite/mod.ts";

type Prepared = ReturnType<PreparingSession["prepare"]>;
type Value = number | string;

// 16 rows a statement cost two thirds of 16 statements; more rows gain nothing further.
const rowsAtOnce = 16;
const row = "(?, ?, 0, ?, ?, ?, ?)";
const columns = 6;

/**
 * New messages without key, delay or headers, held back until somebody may look at messages or the transaction ends, and then
 * inserted many at once: nearly every enqueue of a busy group takes this way.
 */
export class PlainAdds {
  readonly #one: Prepared;
  readonly #many: Prepared;
  readonly #values: Value[] = [];

  constructor(session: PreparingSession) {
    const into = "insert into ashlar_message(id, queue, state, lane, seq, enqueued_at, body) values ";
    this.#one = session.prepare(into + row);
    this.#many = session.prepare(into + Array.from({ length: rowsAtOnce }, () => row).join(", "));
  }

  /** Values in the order of the columns: id, queue, lane, seq, time of enqueue, body. */
  add(
    ...values: readonly [id: number, queue: number, lane: number, seq: number, enqueuedAtMs: number, body: string]
  ): void {
    this.#values.push(...values);
    if (this.#values.length === rowsAtOnce * columns) {
      this.#many.run(...this.#values);
      this.#values.length = 0;
    }
  }

  /** Writes what is held back. To be called before any statement that reads messages by state or id. */
  flush(): void {
    const values = this.#values;
    for (let at = 0; at < values.length; at += columns) this.#one.run(...values.slice(at, at + columns));
    values.length = 0;
  }

  forget(): void {
    this.#values.length = 0;
  }
}
