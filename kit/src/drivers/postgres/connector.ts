import { connectClient } from "./client-system.ts";
import type { ResolvedPostgres } from "./options.ts";
import { isLost, PostgresError, postgresError } from "./postgres-error.ts";
import { askFacts, refuseOthers, serverFacts } from "./server-facts.ts";
import { Session, type PostgresSession } from "./session.ts";

const firstPauseMs = 25;
const pauseMaxMs = 1_000;

/** Within which time something is tried again, and what ends it earlier. */
export interface Patience {
  /** By the monotonic clock. */
  readonly untilMs: number;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Makes a connection to the first of the servers that is as wanted, and is patient while the server cannot be reached, starts, stops or has no room.
 * Rejects with PostgresError.
 */
export function connect(options: ResolvedPostgres, patience: Patience): Promise<PostgresSession> {
  return patiently(options, { ...patience, mayPass }, () => connectOnce(options));
}

/** Tries again what failed for a moment's trouble: after 25 ms, doubled up to 1 s, each at random between a half and the whole. */
export async function patiently<T>(
  { clock, random }: Pick<ResolvedPostgres, "clock" | "random">,
  patience: Patience & { readonly mayPass: (error: unknown) => boolean },
  attempt: () => Promise<T>,
): Promise<T> {
  const { untilMs, signal } = patience;
  for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(pauseMaxMs, pauseMs * 2)) {
    signal?.throwIfAborted();
    try {
      return await attempt();
    } catch (error) {
      if (!patience.mayPass(error) || clock.monotonic() + pauseMs > untilMs) throw error;
    }
    // Many processes lose one server at the same moment, and must not come back at the same moment.
    await clock.sleep(pauseMs * (0.5 + random.next() / 2), { signal });
  }
}

/** The first server that is as wanted. Each is asked anew: which one takes writes may have changed. */
async function connectOnce(options: ResolvedPostgres): Promise<PostgresSession> {
  const { urls } = options.addresses;
  const refusals: unknown[] = [];
  for (const url of urls) {
    try {
      return await connectTo(options, url);
    } catch (error) {
      refusals.push(error);
    }
  }
  throw allRefused(urls, refusals);
}

/** One that may pass, so that it is tried again, if there is one; told for all of them. */
function allRefused(urls: readonly string[], refusals: readonly unknown[]): unknown {
  const cause = refusals.find((error) => mayPass(error)) ?? refusals[0];
  if (urls.length === 1 || !(cause instanceof PostgresError)) return cause;
  const each = refusals.map((error, index) => {
    return `${new URL(urls[index] ?? "").host}: ${error instanceof Error ? error.message : String(error)}`;
  });
  return new PostgresError(cause.reason, each.join("; "), { cause });
}

async function connectTo(options: ResolvedPostgres, url: string): Promise<PostgresSession> {
  const { addresses, clock, answerMaxMs } = options;
  const client = await connectClient(options, url).catch((error: unknown) => {
    throw postgresError(error, "connecting");
  });
  const session = new Session({ client, clock, answerMaxMs });
  try {
    const [answer] = await session.run([askFacts]);
    session.introduce(serverFacts(answer?.rows[0] ?? []));
    refuseOthers(session.facts, addresses.role);
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
