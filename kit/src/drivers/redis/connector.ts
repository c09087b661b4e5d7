import { makeClient } from "./client-system.ts";
import type { ResolvedRedis } from "./options.ts";
import { connectionError, errorOfReply, isLost, RedisError } from "./redis-error.ts";
import { factQuestions, readFacts, refuseReplica, type RedisFacts } from "./server-facts.ts";
import type { RedisReply, Wire } from "./wire-client.ts";

const firstPauseMs = 25;
const pauseMaxMs = 1_000;
// A host that does not answer must not hold up the attempts at it.
const attemptMaxMs = 5_000;

/** A connection to a server that takes writes. */
export interface Connected extends Wire {
  readonly facts: RedisFacts;
}

/**
 * Makes a connection to a server that takes writes. While the server cannot be reached, loads, fails over or is a replica, it is tried again after
 * 25 ms, doubled up to 1 s, each at random between a half and the whole, until `untilMs` (monotonic) has passed. Rejects with RedisError.
 */
export async function connect(
  options: ResolvedRedis,
  { untilMs, signal }: { readonly untilMs: number; readonly signal: AbortSignal },
): Promise<Connected> {
  const { clock, random } = options;
  let reason: unknown;
  for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(pauseMaxMs, pauseMs * 2)) {
    signal.throwIfAborted();
    try {
      return await connectOnce(options, { leftMs: untilMs - clock.monotonic(), signal });
    } catch (error) {
      // The last attempt may have had no time to learn the reason.
      reason = clock.monotonic() >= untilMs ? (reason ?? error) : error;
      if (!mayPass(error) || clock.monotonic() + pauseMs > untilMs) throw reason;
    }
    // Many processes lose one server at the same moment, and must not come back at the same moment.
    await clock.sleep(pauseMs * (0.5 + random.next() / 2), { signal });
  }
}

async function connectOnce(
  options: ResolvedRedis,
  { leftMs, signal }: { readonly leftMs: number; readonly signal: AbortSignal },
): Promise<Connected> {
  const withinMs = Math.max(1, Math.min(attemptMaxMs, leftMs));
  const wire = await makeClient(options, withinMs);
  const { client } = wire;
  // Without a listener a fault would end the process.
  client.on("error", () => undefined);
  // A server that is stopped still accepts connections, and says nothing.
  const { promise: givenUp, reject } = Promise.withResolvers<never>();
  const tooLong = new RedisError("connection", `connecting: no answer within ${Math.round(withinMs)} ms`);
  const timer = options.clock.setTimer(withinMs, () => reject(tooLong), { holdsProcess: "no" });
  const abort = (): void => reject(signal.reason);
  signal.addEventListener("abort", abort, { once: true });
  try {
    return await Promise.race([introduce(wire), givenUp]);
  } catch (error) {
    client.destroy();
    throw error;
  } finally {
    timer.cancel();
    signal.removeEventListener("abort", abort);
  }
}

async function introduce(wire: Wire): Promise<Connected> {
  const { client } = wire;
  const fault = (error: unknown): Error =>
    wire.isReply(error) ? errorOfReply(error, "connecting") : connectionError(error, "connecting");
  await client.connect().catch((error: unknown) => {
    throw fault(error);
  });
  const answers = await Promise.allSettled(factQuestions.map((question) => client.sendCommand(question)));
  if (answers[0]?.status === "rejected") throw fault(answers[0].reason);
  const facts = readFacts(answers.map((answer): RedisReply => (answer.status === "fulfilled" ? answer.value : null)));
  refuseReplica(facts);
  return { ...wire, facts };
}

/** A replica may be promoted in a moment, too. */
function mayPass(error: unknown): boolean {
  return isLost(error) || (error instanceof RedisError && error.reason === "readonly");
}
