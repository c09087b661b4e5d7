import { manualClock } from "ashlar/clock";
import type { Engine } from "ashlar/engine";
import { openMemoryEngine } from "ashlar/engine/memory";
import { seededRandom } from "ashlar/random";
import { expect, test } from "vitest";
import { nearReplyMs, OutageError, wayOut, type OutsideReply, type OutsideRequest } from "../outside/mod.ts";
import { Providers } from "./providers.ts";

type Behaviour = (request: OutsideRequest) => Promise<OutsideReply>;

interface World {
  readonly charge: () => Promise<OutsideReply>;
  readonly refund: () => Promise<OutsideReply>;
  /** What each provider does when it is asked. */
  readonly first: { behaviour: Behaviour };
  /** Kinds of requests that the second was asked. */
  readonly second: string[];
  readonly frozen: Frozen;
  /** Charges for another order, and tells how long that took, in ms. */
  readonly waitFor: (order: string) => Promise<number>;
}

/** Holds back whoever is about to write down that the second is asked. */
interface Frozen {
  until: Promise<void>;
  readonly begun: Promise<void>;
}

const done: OutsideReply = { status: "done", reference: "1" };
const outage: Behaviour = ({ kind }) => Promise.reject(new OutageError(kind));
/** The request may have been heard: no answer comes. */
const lost: Behaviour = ({ signal }) => {
  const { promise, reject } = Promise.withResolvers<OutsideReply>();
  signal?.addEventListener("abort", () => reject(signal.reason as Error), { once: true });
  return promise;
};

async function withProviders(run: (world: World) => Promise<void>): Promise<void> {
  await using engine = await openMemoryEngine();
  const clock = manualClock();
  const random = seededRandom("providers");
  const { promise: begun, resolve: begin } = Promise.withResolvers<void>();
  const frozen = { until: Promise.resolve(), begun };
  const commit: Engine["commit"] = async (changes) => {
    if (JSON.stringify(changes).includes("second")) {
      begin();
      await frozen.until;
    }
    return await engine.commit(changes);
  };
  const first = { behaviour: outage };
  const second: string[] = [];
  const providers = new Providers(
    { commit, get: (cells) => engine.get(cells) },
    {
      first: wayOut(
        "first",
        { replyWithinMs: nearReplyMs, request: (request) => first.behaviour(request) },
        { clock, random, rank: "first" },
      ),
      second: wayOut(
        "second",
        {
          replyWithinMs: nearReplyMs,
          request: ({ kind }) => (second.push(kind), Promise.resolve({ status: "done", reference: "2" })),
        },
        { clock, random },
      ),
    },
  );
  const { signal } = new AbortController();
  const ended = async (work: Promise<OutsideReply>): Promise<OutsideReply> => {
    const settled = Promise.allSettled([work]);
    await clock.advance(30_000);
    const [{ status, ...end }] = await settled;
    if (status === "rejected") throw (end as PromiseRejectedResult).reason;
    return (end as PromiseFulfilledResult<OutsideReply>).value;
  };
  const ask = (kind: "charge" | "refund", order: string): Promise<OutsideReply> =>
    providers[kind](order, { kind, subject: order, key: `${kind}/${order}`, amountMinor: 500 }, signal);
  const waitFor = async (order: string): Promise<number> => {
    const startedMs = clock.monotonic();
    let endedMs = Infinity;
    void ask("charge", order).then(() => (endedMs = clock.monotonic()));
    await clock.advance(1_000);
    return endedMs - startedMs;
  };
  await run({
    frozen,
    first,
    second,
    charge: () => ended(ask("charge", "1")),
    refund: () => ended(ask("refund", "1")),
    waitFor,
  });
}

test("what the first has certainly not done the second does, and stays with it: repeats, and refunds", async () => {
  await withProviders(async ({ charge, first, refund, second }) => {
    expect(await charge()).toMatchObject({ reference: "2" });
    first.behaviour = () => Promise.resolve(done);
    expect(await charge()).toMatchObject({ reference: "2" });
    expect(await refund()).toMatchObject({ reference: "2" });
    expect(second).toEqual(["charge", "charge", "refund"]);
  });
});

test("nobody waits for a first that is left alone because it does not answer", async () => {
  await withProviders(async ({ second, waitFor }) => {
    const waitsMs: number[] = [];
    for (let order = 1; order <= 60; order++) waitsMs.push(await waitFor(`${order}`));
    expect(second).toHaveLength(60);
    // What is asked in vain now and then, with pauses, takes some milliseconds.
    expect(Math.max(...waitsMs)).toBeLessThan(100);
  });
});

test("what the first may have done stays with it until it answers, whatever it said afterwards", async () => {
  await withProviders(async ({ charge, first, second }) => {
    let attempts = 0;
    first.behaviour = (request) => (++attempts === 1 ? lost(request) : outage(request));
    await expect(charge()).rejects.toMatchObject({ retryable: true });
    expect(attempts).toBeGreaterThan(1);
    first.behaviour = outage;
    await expect(charge()).rejects.toMatchObject({ retryable: true });
    first.behaviour = () => Promise.resolve(done);
    expect(await charge()).toEqual(done);
    expect(second).toEqual([]);
  });
});

test("an attempt that was given up but goes on by itself keeps the order with the first", async () => {
  await withProviders(async ({ charge, first, second }) => {
    let attempts = 0;
    // As a statement that a server is working on: it does not hear that nobody waits for it any more.
    first.behaviour = (request) => (++attempts === 1 ? new Promise(() => undefined) : outage(request));
    await expect(charge()).rejects.toMatchObject({ retryable: true });
    expect(attempts).toBeGreaterThan(1);
    expect(second).toEqual([]);
  });
});

test("who freezes before it turns to the second does not when it goes on, because somebody else has asked the first", async () => {
  await withProviders(async ({ charge, first, frozen, second }) => {
    const { promise: thawed, resolve: thaw } = Promise.withResolvers<void>();
    frozen.until = thawed;
    const slow = Promise.allSettled([charge()]);
    await frozen.begun;
    first.behaviour = () => Promise.resolve(done);
    expect(await charge()).toEqual(done);
    thaw();
    expect(await slow).toMatchObject([{ status: "rejected", reason: { code: "OUTAGE" } }]);
    expect(second).toEqual([]);
  });
});
