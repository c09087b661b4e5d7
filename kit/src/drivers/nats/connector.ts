import { expectGreeting } from "./greeting-system.ts";
import { UnsupportedError } from "../../errors/mod.ts";
import { makeConnection } from "./client-system.ts";
import { errorOfClient, isLost, NatsError } from "./nats-error.ts";
import type { ResolvedNats } from "./options.ts";
import type { Wire } from "./wire-client.ts";

const firstPauseMs = 25;
const pauseMaxMs = 1_000;
// A host that does not answer must not hold up the attempts at it.
const attemptMaxMs = 5_000;
const versionMin = 2.09;

/** Pauses that grow from 25 ms to 1 s, each at random between a half and the whole; `reset` begins anew. */
export class Pauses {
  readonly #random: ResolvedNats["random"];
  #nextMs = firstPauseMs;

  constructor(random: ResolvedNats["random"]) {
    this.#random = random;
  }

  next(): number {
    const pauseMs = this.#nextMs;
    this.#nextMs = Math.min(pauseMaxMs, pauseMs * 2);
    // Many processes lose one server at the same moment, and must not come back at the same moment.
    return pauseMs * (0.5 + this.#random.next() / 2);
  }

  reset(): void {
    this.#nextMs = firstPauseMs;
  }
}

/** Makes the first connection; while the server cannot be reached it is tried again until `connectMaxMs` have passed. Rejects with NatsError, or
 *  UnsupportedError for a server that is too old. */
export async function connect(options: ResolvedNats, pauses: Pauses): Promise<Wire> {
  const { clock, connectMaxMs } = options;
  const untilMs = clock.monotonic() + connectMaxMs;
  for (;;) {
    try {
      return await connectOnce(options, { leftMs: untilMs - clock.monotonic(), pauses });
    } catch (error) {
      const pauseMs = pauses.next();
      if (!isLost(error) || clock.monotonic() + pauseMs > untilMs) throw error;
      await clock.sleep(pauseMs);
    }
  }
}

async function connectOnce(
  options: ResolvedNats,
  { leftMs, pauses }: { readonly leftMs: number; readonly pauses: Pauses },
): Promise<Wire> {
  const firstMaxMs = Math.max(1, Math.min(attemptMaxMs, leftMs));
  await expectGreeting(options, firstMaxMs);
  const wire = await makeConnection(options, { firstMaxMs, pauseMs: () => pauses.next() }).catch((error: unknown) => {
    throw errorOfClient(error, "connecting");
  });
  pauses.reset();
  try {
    refuseOld(wire.connection.info?.version ?? "0.0");
  } catch (error) {
    await wire.connection.close();
    throw error;
  }
  return wire;
}

function refuseOld(version: string): void {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  if (major + minor / 100 < versionMin)
    throw new UnsupportedError(`NATS ${version}`, "the NATS driver", "2.9 is the oldest server that fits");
}

/** Where a leaf or an account has no JetStream, nobody answers. */
export function withoutJetStream(cause: unknown): NatsError {
  const advice = 'start the server with "-js", or enable JetStream for the account; a leaf needs the option domain';
  return new NatsError("unavailable", `nobody answers for JetStream: ${advice}`, { cause });
}
