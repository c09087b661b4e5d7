import { openPostgres, PostgresError, readReplica, type ReadReplicaStatus } from "ashlar/drivers/postgres";
import type { DatabaseAddress } from "./address.ts";
import { afterRead, type ReadsState } from "./replica-report.ts";
import type { ReadsPlace, ShopReads } from "./shop-reads.ts";
import { readSql } from "./shop-sql.ts";

/** A database, a replica of it, and the schema that is read. */
export interface ReplicaPlace {
  /** Where reads go that the replica cannot answer. */
  readonly primary: string;
  readonly replica: DatabaseAddress;
  readonly schema: string;
}

/** How old an answer may be. */
const staleMaxMs = 5_000;
/** Who asks for recommendations waits for a quarter of a second (catalog): the primary must be asked before that. */
const waitMaxMs = 100;
/** Of each process, to the replica; and to the primary, a pool of its own, so that reads that are too many are refused and writes are not. */
const connections = { replica: 3, primary: 2 };
const waitingMax = 1_000;
/** A replica that is away at the start is done without. */
const checkMaxMs = 1_000;

/** Opens reads that go to the replica as long as it answers and is not too far behind, and else to the primary; that they do is told once. */
export async function openReplicaReads(
  { primary, replica, schema }: ReplicaPlace,
  { clock, log, name }: ReadsPlace,
): Promise<ShopReads> {
  const around = { schema, settings: { search_path: schema }, application: `shop ${name} reads` };
  await using opened = new AsyncDisposableStack();
  const database = opened.use(
    await openPostgres({ ...around, url: primary, connectionsMax: connections.primary, waitingMax }),
  );
  const reads = opened.use(
    readReplica({
      primary: database,
      replica: { ...around, url: replica.url, connectionsMax: connections.replica },
      staleMaxMs,
      waitMaxMs,
    }),
  );
  let state: ReadsState = { kind: "replica" };
  const noted = (from: "replica" | "primary"): void => {
    const { status } = reads;
    const next = afterRead(state, { from, status: status.status, nowMs: clock.monotonic() });
    const hasChanged = (next.kind === "primary") !== (state.kind === "primary");
    state = next;
    if (!hasChanged) return;
    if (next.kind !== "primary") log.info(`reads go to the replica ${replica.shown} again`);
    else
      log.error(`reads go to the primary: the replica ${replica.shown} ${complaint(status)}`, { reads: status.reads });
  };
  const held = opened.move();
  return {
    sql: (after) =>
      readSql({
        async query<Row>(text: string, values?: readonly unknown[]) {
          const answer = await reads.query<Row>(text, values, { after });
          noted(answer.from);
          return answer;
        },
      }),
    position: () => reads.position(),
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}

function complaint({ reason, status }: ReadReplicaStatus): string {
  return status === "away" ? `is away (${reason ?? "no reason is known"})` : "is behind, or has too much to do";
}

/** A wrong password would fail every read, so it is found out at the start. Rejects with what the replica refuses; one that is away, or was promoted, is
 *  none of its faults. */
export async function checkReplica({ url }: DatabaseAddress): Promise<void> {
  const asReplica = new URL(url);
  asReplica.searchParams.set("target_session_attrs", "standby");
  try {
    await using _ = await openPostgres({ url: asReplica.href, connectionsMax: 1, connectMaxMs: checkMaxMs });
  } catch (error) {
    if (error instanceof PostgresError && (error.retryable || error.reason === "readonly")) return;
    throw error;
  }
}
