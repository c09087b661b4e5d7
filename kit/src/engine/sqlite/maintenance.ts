import type { Clock, Timer } from "../../clock/mod.ts";
import { telemetryChannel } from "../../telemetry/mod.ts";
import type { Work } from "./work.ts";

// Rows deleted in one commit: about 2 ms, and other callers in between.
const batchRows = 500;

const done = telemetryChannel("ashlar.engine.maintenance");

/** Deletes expired dedup keys, inbox entries and cells, a batch of each; answers how many. They counted as absent before. */
export function expireBatch({ sql, nowMs }: Work): number {
  const statements = [sql.expireDedup, sql.expireSeen, sql.expireCells];
  return statements.reduce((sum, statement) => sum + Number(statement.run(nowMs, batchRows).changes), 0);
}

/** What maintenance calls. Each may reject; the next pass tries again. */
export interface MaintenanceTasks {
  readonly expire: () => Promise<number>;
  readonly checkpoint: () => number;
}

/** Runs the background tasks some time after there was something to do: an engine that rests sets no timer. */
export class Maintenance {
  readonly #clock: Clock;
  readonly #everyMs: number;
  readonly #tasks: MaintenanceTasks;
  #timer: Timer | undefined;
  #pass: Promise<void> | undefined;
  #isClosed = false;

  constructor(clock: Clock, everyMs: number, tasks: MaintenanceTasks) {
    this.#clock = clock;
    this.#everyMs = everyMs;
    this.#tasks = tasks;
  }

  /** Something was committed: a pass is due within the period. */
  arm(): void {
    if (this.#timer !== undefined || this.#pass !== undefined || this.#isClosed) return;
    this.#timer = this.#clock.setTimer(this.#everyMs, () => this.#start(), { holdsProcess: "no" });
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#timer?.cancel();
    await this.#pass;
  }

  #start(): void {
    this.#timer = undefined;
    this.#pass = this.#run()
      // A full or busy store: the next pass tries again.
      .catch(() => undefined)
      .finally(() => (this.#pass = undefined));
  }

  async #run(): Promise<void> {
    const startedMs = this.#clock.monotonic();
    let expired = 0;
    for (let batch = -1; batch !== 0 && !this.#isClosed; expired += batch) batch = await this.#tasks.expire();
    const pages = this.#tasks.checkpoint();
    if (!done.active) return;
    const durationMs = this.#clock.monotonic() - startedMs;
    done.publish({ engine: "sqlite", task: "expiry", affected: expired, durationMs });
    done.publish({ engine: "sqlite", task: "checkpoint", affected: pages, durationMs });
  }
}
