import { pipeline, timeout } from "ashlar/resilience";
import type { NodeHost, World } from "ashlar/simulation";
import { type StormPolicy, timeoutMs } from "./policies.ts";

/** Steady load, and in the middle of it a server that stands still. */
export interface StormSize {
  /** Each is busy for 20 ms on average. */
  readonly workers: number;
  readonly perSecond: number;
  readonly stallAtMs: number;
  readonly lengthMs: number;
}

const stallMs = 10_000;
const serviceMs = 20;

/** The storm of the documentation: a server for 1,000 requests a second. */
export const fullSize = { workers: 20, stallAtMs: 60_000, lengthMs: 250_000 } as const;

/** What one second of calls came to. */
export interface Second {
  calls: number;
  /** Calls of that second that were answered, sooner or later. */
  answered: number;
  /** What the server was asked in that second. */
  attempts: number;
}

/** How a storm went. */
export interface StormResult {
  /** Seconds after the end of the stall until nearly all calls are answered, and stay so; undefined when that never happens. */
  readonly recoveryS: number | undefined;
  /** Part of the calls that were answered from 110 to 170 s after the stall. */
  readonly goodput: number;
  /** Attempts for each call, over the same time. */
  readonly amplification: number;
  readonly seconds: readonly Second[];
}

/** Runs one policy in a world; `result` once the load is over. */
export function storm(
  world: World,
  policy: StormPolicy,
  size: StormSize,
): { readonly start: () => Promise<void>; readonly result: () => StormResult } {
  const { workers, stallAtMs, lengthMs } = size;
  const seconds: Second[] = Array.from({ length: lengthMs / 1_000 }, () => ({ calls: 0, answered: 0, attempts: 0 }));
  const secondNow = (): Second =>
    seconds[Math.floor(world.clock.monotonic() / 1_000)] ?? { calls: 0, answered: 0, attempts: 0 };
  const server = world.node("server", { start: (host) => serve(host, policy, workers) });
  const client = world.node("client", {
    start: (host) => void load(host, { policy, size, secondNow }),
  });
  return {
    async start() {
      world.clock.setTimer(stallAtMs, () => server.pause(stallMs));
      await server.start();
      await client.start();
    },
    result: () => resultOf(seconds, (stallAtMs + stallMs) / 1_000),
  };
}

/** A server that does not notice when a caller has left: it works for nobody. */
function serve({ network, clock, random }: NodeHost, policy: StormPolicy, workers: number): void {
  const work = pipeline({ name: "serve", layers: policy.server({ clock, random, workers }), clock, random });
  network.onRequest(async () => await work.run(() => clock.sleep(-Math.log(1 - random.next()) * serviceMs)));
}

async function load(
  { network, clock, random }: NodeHost,
  parts: { readonly policy: StormPolicy; readonly size: StormSize; readonly secondNow: () => Second },
): Promise<void> {
  const { policy, secondNow } = parts;
  const { perSecond, lengthMs } = parts.size;
  const layers = [...policy.client({ clock, random }), timeout(timeoutMs)];
  const calls = pipeline({ name: "call", layers, semantics: "safe", clock, random });
  const ask = (): Promise<unknown> => {
    secondNow().attempts++;
    return network.request("server", 0, { withinMs: timeoutMs + 1 });
  };
  while (clock.monotonic() < lengthMs) {
    const second = secondNow();
    second.calls++;
    void calls.outcome(ask).then(({ ok }) => {
      if (ok) second.answered++;
    });
    await clock.sleep((-Math.log(1 - random.next()) * 1_000) / perSecond);
  }
}

const steady = 0.95;
const steadyForS = 5;

function resultOf(seconds: readonly Second[], stallEndS: number): StormResult {
  const isWell = ({ calls, answered }: Second): boolean => answered >= steady * calls;
  const after = seconds.slice(stallEndS, -steadyForS);
  const recovered = after.findIndex((_, at) =>
    seconds.slice(stallEndS + at, stallEndS + at + steadyForS).every(isWell),
  );
  const late = seconds.slice(stallEndS + 110, stallEndS + 170);
  const sum = (of: keyof Second): number => late.reduce((total, second) => total + second[of], 0);
  return {
    recoveryS: recovered === -1 ? undefined : recovered,
    goodput: sum("answered") / sum("calls"),
    amplification: sum("attempts") / sum("calls"),
    seconds,
  };
}
