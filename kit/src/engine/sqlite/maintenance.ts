import type { Clock } from "../../clock/mod.ts";
import { telemetryChannel } from "../../telemetry/mod.ts";
import type { Work } from "./work.ts";

// Rows deleted in one commit: about 2 ms, and other callers in between.
const batchRows = 500;

const done = telemetryChannel("ashlar.engine.maintenance");

/** Deletes expired dedup keys, inbox entries and cells, a batch of each; answers how many. They counted as absent before. */
export function expireBatch({ sql, cells, dedups, seen, nowMs }: Work): number {
  dedups.flush();
  seen.flush();
  const statements = [sql.expireDedup, sql.expireSeen];
  const others = statements.reduce((sum, statement) => sum + Number(statement.run(nowMs, batchRows).changes), 0);
  return others + cells.expire(nowMs, batchRows);
}

/** What maintenance calls. Each may reject; the next pass tries again. */
export interface MaintenanceTasks {
  readonly expire: () => Promise<number>;
  readonly checkpoint: () => number;
}

/** Frees what has expired, and copies the log back. */
export async function maintain(clock: Clock, tasks: MaintenanceTasks, isClosed: () => boolean): Promise<void> {
  const startedMs = clock.monotonic();
  let expired = 0;
  for (let batch = -1; batch !== 0 && !isClosed(); expired += batch) batch = await tasks.expire();
  const pages = tasks.checkpoint();
  if (!done.active) return;
  const durationMs = clock.monotonic() - startedMs;
  done.publish({ engine: "sqlite", task: "expiry", affected: expired, durationMs });
  done.publish({ engine: "sqlite", task: "checkpoint", affected: pages, durationMs });
}
