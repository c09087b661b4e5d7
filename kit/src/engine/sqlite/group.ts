import type { SqliteDatabase } from "../../drivers/sqlite/mod.ts";
import { telemetryChannel } from "../../telemetry/mod.ts";
import type { BellTopic } from "../engine.ts";
import type { Bells } from "./bell.ts";
import { engineFault } from "./faults.ts";
import { Heads } from "./heads.ts";
import { RowBatch } from "./row-batch.ts";
import { addEvents, addMessages, prepareStatements } from "./statements.sql.ts";
import type { Work } from "./work.ts";

const commits = telemetryChannel("ashlar.engine.commit");

/** The engine's side of every transaction: the heads are checked at its start and written at its end, the bells ring after it. */
export class Group {
  readonly work: Work;
  /** Changes carried out in the open transaction, for telemetry. */
  changes = 0;
  readonly #bells: Bells;
  readonly #topics: Set<BellTopic> = new Set();
  readonly #whenCommitted: () => void;

  constructor(database: SqliteDatabase, options: { readonly bells: Bells; readonly whenCommitted: () => void }) {
    const sql = prepareStatements(database.writer);
    const heads = new Heads(sql);
    const adds = new RowBatch(database.writer, ...addMessages);
    const events = new RowBatch(database.writer, ...addEvents);
    this.work = { sql, heads, adds, events, instance: 0, topics: this.#topics, nowMs: database.clock.now() };
    this.#bells = options.bells;
    this.#whenCommitted = options.whenCommitted;
    database.hook({
      opened: (others) => this.#opened(database, others),
      closing: () => {
        adds.flush();
        events.flush();
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
    this.work.heads.forget();
    this.#bells.ringAll();
  }

  #committed(lists: number, durationMs: number): void {
    if (commits.active)
      commits.publish({ engine: "sqlite", lists, changes: this.changes, durationMs, outcome: "committed" });
    this.changes = 0;
    if (this.#topics.size > 0) {
      this.#bells.ring(this.#topics);
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
    this.work.adds.forget();
    this.work.events.forget();
    this.work.heads.forget();
  }
}
