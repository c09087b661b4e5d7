import { connectClient } from "./client-system.ts";
import type { ResolvedPostgres } from "./options.ts";
import { isLost, postgresError } from "./postgres-error.ts";
import { askFacts, refuseReplica, serverFacts } from "./server-facts.ts";
import { Session, type PostgresSession } from "./session.ts";

const firstPauseMs = 25;
const pauseMaxMs = 1_000;

/**
 * Makes a connection to a server that takes writes. While the server cannot be reached, starts, stops or has no room, it is tried again after
 * 25 ms, doubled up to 1 s, each at random between a half and the whole, until `untilMs` (monotonic) has passed. Rejects with PostgresError.
 */
export async function connect(
  options: ResolvedPostgres,
  { untilMs, signal }: { readonly untilMs: number; readonly signal?: AbortSignal | undefined },
): Promise<PostgresSession> {
  const { clock, random } = options;
  for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(pauseMaxMs, pauseMs * 2)) {
    signal?.throwIfAborted();
    try {
      return await connectOnce(options);
    } catch (error) {
      if (!mayPass(error) || clock.monotonic() + pauseMs > untilMs) throw error;
    }
    // Many processes lose one server at the same moment, and must not come back at the same moment.
    await clock.sleep(pauseMs * (0.5 + random.next() / 2), { signal });
  }
}

async function connectOnce(options: ResolvedPostgres): Promise<PostgresSession> {
  const { clock, answerMaxMs } = options;
  const client = await connectClient(options).catch((error: unknown) => {
    throw postgresError(error, "connecting");
  });
  const session = new Session({ client, clock, answerMaxMs });
  try {
    const [answer] = await session.run([askFacts]);
    session.introduce(serverFacts(answer?.rows[0] ?? []));
    refuseReplica(session.facts);
    return session;
  } catch (error) {
    await session.close();
    throw error;
  }
}

/** A replica may be promoted in a moment, too. */
function mayPass(error: unknown): boolean {
  return isLost(error) || (error instanceof Error && Reflect.get(error, "reason") === "readonly");
}
