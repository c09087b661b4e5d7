import type { Clock } from "../../clock/mod.ts";
import { hash32 } from "../../codec/mod.ts";
import type { PostgresDatabase, PostgresTransaction } from "../../drivers/postgres/mod.ts";
import { telemetryChannel } from "../../telemetry/mod.ts";

// Rows deleted in one transaction.
const batchRows = 1_000;

const done = telemetryChannel("ashlar.engine.maintenance");

/** Deletes what has expired; it counted as absent before. Of many processes one does it at a time. */
export async function maintain(
  database: PostgresDatabase,
  { clock, schema }: { readonly clock: Clock; readonly schema: string },
  isClosed: () => boolean,
): Promise<void> {
  const startedMs = clock.monotonic();
  let affected = 0;
  for (let batch = -1; batch !== 0 && !isClosed(); affected += batch)
    batch = await database.transaction((tx) => expireBatch(tx, schema, clock.now()));
  if (done.active)
    done.publish({ engine: "postgres", task: "expiry", affected, durationMs: clock.monotonic() - startedMs });
}

async function expireBatch(tx: PostgresTransaction, schema: string, nowMs: number): Promise<number> {
  const lock = [hash32("ashlar maintenance") | 0, hash32(schema) | 0];
  const { rows } = await tx.query<{ readonly mine: boolean }>("select pg_try_advisory_xact_lock($1, $2) as mine", lock);
  if (rows[0]?.mine !== true) return 0;
  let count = 0;
  for (const table of ["dedup", "seen", "cell"]) {
    const name = `${schema}.ashlar_${table}`;
    // One that is renewed at this moment is locked by its writer, and left alone.
    const expired = `select ctid from ${name} where expires_at <= $1 order by expires_at limit $2 for update skip locked`;
    count += (await tx.query(`delete from ${name} where ctid = any(array(${expired}))`, [nowMs, batchRows])).count;
  }
  return count;
}
