import type { SqliteDatabase } from "../../drivers/sqlite/mod.ts";
import { telemetryChannel } from "../../telemetry/mod.ts";
import type { Bells } from "../bells.ts";
import { CellBook } from "./cell-book.ts";
import { engineFault } from "./faults.ts";
import { Heads } from "./heads.ts";
import { HeldMessages } from "./held-messages.ts";
import { MessageWrites } from "./message-writes.ts";
import { RowBatch } from "./row-batch.ts";
import { addEvents, prepareStatements, saveDedups, saveSeen } from "./statements.sql.ts";
import { Topics } from "../topics.ts";
import type { Work } from "./work.ts";

const commits = telemetryChannel("ashlar.engine.commit");

/** The engine's side of every transaction: the heads are checked at its start and written at its end, the bells ring after it. */
export class Group {
  readonly work: Work;
  /** Changes carried out in the open transaction, for telemetry. */
  changes = 0;
  readonly #bells: Bells;
  readonly #topics = new Topics();
  readonly #whenCommitted: () => void;

  constructor(database: SqliteDatabase, options: { readonly bells: Bells; readonly whenCommitted: () => void }) {
    const sql = prepareStatements(database.writer);
    const heads = new Heads(sql);
    const messages = new MessageWrites(database.writer);
    const events = new RowBatch(database.writer, addEvents);
    const dedups = new RowBatch(database.writer, saveDedups);
    const seen = new RowBatch(database.writer, saveSeen);
    const cells = new CellBook(database.writer, sql);
    const held = new HeldMessages();
    const nowMs = database.clock.now();
    this.work = { sql, heads, messages, held, dedups, seen, events, cells, instance: 0, topics: this.#topics, nowMs };
    this.#bells = options.bells;
    this.#whenCommitted = options.whenCommitted;
    database.hook({
      opened: (others) => this.#opened(database, others),
      closing: () => {
        for (const kept of [messages, dedups, seen, events, cells]) kept.flush();
        heads.save();
      },
      undone: () => this.#forget(),
      committed: (callers, durationMs) => this.#committed(callers, durationMs),
      rolledBack: () => this.#rolledBack(),
      fault: engineFault,
    });
  }

  #opened(database: SqliteDatabase, others: "wrote" | "rested"): void {
    this.work.nowMs = database.clock.now();
    if (others === "rested") return;
    this.#forget();
    this.#bells.ringAll();
  }

  #committed(lists: number, durationMs: number): void {
    if (commits.active)
      commits.publish({ engine: "sqlite", lists, changes: this.changes, durationMs, outcome: "committed" });
    this.changes = 0;
    if (this.#topics.all.size > 0) {
      this.#bells.ring(this.#topics.all);
      this.#topics.clear();
    }
    this.#whenCommitted();
  }

  #rolledBack(): void {
    if (commits.active)
      commits.publish({ engine: "sqlite", lists: 0, changes: this.changes, durationMs: 0, outcome: "failed" });
    this.changes = 0;
    this.#topics.clear();
    this.#forget();
  }

  #forget(): void {
    const { heads, messages, held, dedups, seen, events, cells } = this.work;
    for (const kept of [heads, messages, held, dedups, seen, events, cells]) kept.forget();
  }
}
