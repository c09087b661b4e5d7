import { signalAfter } from "../../abort/mod.ts";
import { DisposedError, isRetryable, TimeoutError } from "../../errors/mod.ts";
import type { CommitFate } from "./commit-marker.ts";
import { patiently } from "./connector.ts";
import type { ResolvedPostgres } from "./options.ts";
import { isLost, OutcomeUnknownError } from "./postgres-error.ts";
import type { Pool, PooledSession } from "./pool.ts";
import type { PostgresSession, QueryResult } from "./session.ts";
import { begin, commit, rollback, type Bound, type WireRows } from "./statement.ts";

/** Statements inside a transaction. Each call rejects with DisposedError once it has ended. */
export interface PostgresTransaction {
  query<Row>(text: string, values?: readonly unknown[]): Promise<QueryResult<Row>>;
  /** Prepared statements in one round trip. */
  run(statements: readonly Bound[]): Promise<readonly WireRows[]>;
}

/** Runs `work` in a transaction on a connection of its own; see `PostgresDatabase.transaction`. */
export async function runTransaction<T>(
  pool: Pool,
  options: ResolvedPostgres,
  work: (tx: PostgresTransaction) => T | Promise<T>,
): Promise<T> {
  const { clock, transactionMaxMs } = options;
  let pending: Pending<T> | undefined;
  const result = await pool.use(async (pooled) => {
    const { session, marker } = pooled;
    await marker.register(session);
    await session.run([begin]);
    const late = (): TimeoutError => new TimeoutError("the transaction", transactionMaxMs);
    using deadline = signalAfter(clock, transactionMaxMs, late);
    const open = handle(session, deadline.signal);
    const outcome = await workedOff(session, async () => {
      const answer = await Promise.race([work(open.tx), aborted(deadline.signal)]);
      open.end();
      return answer;
    }).finally(() => open.end());
    const { number, statement } = marker.next();
    try {
      await session.run([statement, commit]);
    } catch (error) {
      if (!isLost(error)) {
        marker.isStale(error);
        await session.run([rollback]).catch(() => session.destroy());
        throw error;
      }
      pending = { pooled, number, result: outcome, error };
    }
    return outcome;
  });
  if (pending === undefined) return result;
  const { error } = pending;
  const asked = await fateOf(pool, options, pending).catch(() => undefined);
  if (asked === undefined) throw new OutcomeUnknownError({ cause: error });
  if (asked.fate === "not committed") throw error;
  return result;
}

/** The connection was lost behind COMMIT. */
interface Pending<T> {
  readonly pooled: PooledSession;
  readonly number: number;
  readonly result: T;
  readonly error: unknown;
}

/** Another connection asks what became of the commit; in a fail-over the first of them may be lost as well. */
function fateOf(pool: Pool, options: ResolvedPostgres, lost: Pending<unknown>): Promise<CommitFate> {
  const untilMs = options.clock.monotonic() + options.connectMaxMs;
  return patiently(options, { untilMs, mayPass: isRetryable }, () =>
    pool.use(({ session }) => lost.pooled.marker.outcome(session, lost.number), untilMs),
  );
}

async function workedOff<T>(session: PostgresSession, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    // What still runs on this connection would keep the rollback waiting.
    if (error instanceof TimeoutError) session.destroy();
    else await session.run([rollback]).catch(() => session.destroy());
    throw error;
  }
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason), { once: true }));
}

function handle(
  session: PostgresSession,
  signal: AbortSignal,
): { readonly tx: PostgresTransaction; readonly end: () => void } {
  let hasEnded = false;
  const refuseWhenEnded = (): void => {
    signal.throwIfAborted();
    if (hasEnded) throw new DisposedError("the transaction");
  };
  const tx: PostgresTransaction = {
    query: async <Row>(text: string, values?: readonly unknown[]) => {
      refuseWhenEnded();
      return session.query<Row>(text, values);
    },
    run: async (statements) => {
      refuseWhenEnded();
      return session.run(statements);
    },
  };
  return { tx, end: () => (hasEnded = true) };
}
