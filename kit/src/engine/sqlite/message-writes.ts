import type { PreparingSession, SqlValue } from "../../drivers/sqlite/mod.ts";
import { RowBatch } from "./row-batch.ts";
import { acknowledgeMessages, addFullMessages, addMessages } from "./statements.sql.ts";

/** Messages that a group adds and acknowledges, held back and written many at once. Flush it before any statement that reads or moves messages. */
export class MessageWrites {
  readonly #plain: RowBatch;
  readonly #full: RowBatch;
  readonly #gone: RowBatch;

  constructor(session: PreparingSession) {
    this.#plain = new RowBatch(session, addMessages);
    this.#full = new RowBatch(session, addFullMessages);
    this.#gone = new RowBatch(session, acknowledgeMessages);
  }

  /** A ready message without key, headers or delay. */
  addPlain(...values: readonly SqlValue[]): void {
    this.#plain.add(...values);
  }

  /** Any new message. */
  addFull(key: string | undefined, ...values: readonly SqlValue[]): void {
    if (key === undefined) this.#full.add(...values);
    else this.#full.addNamed(key, ...values);
  }

  /** Before a look whether others of the key are there. */
  flushKey(key: string): void {
    if (!this.#gone.isEmpty || this.#full.holds(key)) this.flush();
  }

  /** One that is known to be running: it is gone. */
  acknowledge(number: number): void {
    // What is added claimed may be acknowledged at once.
    if (this.#gone.isNearlyFull) this.#flushAdded();
    this.#gone.add(number);
  }

  flush(): void {
    this.#flushAdded();
    this.#gone.flush();
  }

  forget(): void {
    this.#plain.forget();
    this.#full.forget();
    this.#gone.forget();
  }

  #flushAdded(): void {
    this.#plain.flush();
    this.#full.flush();
  }
}
