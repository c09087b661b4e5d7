import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { manualClock } from "../clock/mod.ts";
import {
  connectionPools,
  type ConnectionPools,
  type ConnectionPoolsOptions,
  type HeldConnection,
} from "./connection-pools.ts";

interface Fake {
  readonly client: string;
  readonly id: number;
}

function made(options: Partial<ConnectionPoolsOptions<Fake>> = {}): {
  readonly clock: ReturnType<typeof manualClock>;
  readonly pools: ConnectionPools<Fake>;
  readonly open: Set<Fake>;
} {
  const clock = manualClock();
  const open = new Set<Fake>();
  let ids = 0;
  const pools = connectionPools<Fake>({
    name: "db",
    open: async (client) => {
      await clock.sleep(1);
      const made = { client, id: ++ids };
      open.add(made);
      return made;
    },
    close: (connection) => void open.delete(connection),
    connectionsMax: 2,
    clock,
    ...options,
  });
  return { clock, pools, open };
}

async function held(clock: ReturnType<typeof manualClock>, asked: Promise<unknown>): Promise<HeldConnection<Fake>> {
  await clock.advance(1);
  const got = (await asked) as Awaited<ReturnType<ConnectionPools<Fake>["acquire"]>>;
  if (!got.allowed) throw new Error(`refused: ${got.reason}`);
  return got;
}

describe("connection pools", () => {
  test("one client that takes all of its own takes none of another's", async () => {
    const { clock, pools } = made({ queueMax: 0 });
    await held(clock, pools.acquire("greedy"));
    await held(clock, pools.acquire("greedy"));
    expect(await pools.acquire("greedy")).toMatchObject({ allowed: false, reason: "full", by: "db" });
    expect((await held(clock, pools.acquire("modest"))).connection.client).toBe("modest");
  });

  test("a connection that comes back goes to who waits, and the last one used is used next", async () => {
    const { clock, pools, open } = made({ connectionsMax: 1 });
    const first = await held(clock, pools.acquire("a"));
    const waiting = pools.acquire("a");
    await clock.settle();
    expect(pools.describe()).toEqual({ a: { inUse: 1, idle: 0, waiting: 1 } });
    first[Symbol.dispose]();
    first[Symbol.dispose]();
    expect((await held(clock, waiting)).connection).toBe(first.connection);
    expect(open.size).toBe(1);
  });

  test("a broken one is closed, and one that went bad while idle is not lent", async () => {
    const { clock, pools, open } = made({ isUsable: ({ id }) => id !== 2 });
    const first = await held(clock, pools.acquire("a"));
    first.broken();
    first[Symbol.dispose]();
    expect(open.size).toBe(0);
    (await held(clock, pools.acquire("a")))[Symbol.dispose]();
    expect((await held(clock, pools.acquire("a"))).connection.id).toBe(3);
    expect(open.size).toBe(1);
  });

  test("a failure to open is the caller's, and its place is free again", async () => {
    let isDown = true;
    const { clock, pools } = made({
      connectionsMax: 1,
      open: (client) => (isDown ? Promise.reject(new Error("down")) : Promise.resolve({ client, id: 1 })),
    });
    await expect(pools.acquire("a")).rejects.toThrow("down");
    isDown = false;
    expect((await held(clock, pools.acquire("a"))).connection.id).toBe(1);
  });

  test("idle connections are closed after their time, and clients without any are forgotten", async () => {
    const { clock, pools, open } = made({ idleMs: 100 });
    const [one, two] = [await held(clock, pools.acquire("a")), await held(clock, pools.acquire("a"))];
    one[Symbol.dispose]();
    await clock.advance(60);
    two[Symbol.dispose]();
    await clock.advance(40);
    expect(pools.describe()).toEqual({ a: { inUse: 0, idle: 1, waiting: 0 } });
    await clock.advance(60);
    expect([open.size, pools.describe(), clock.timersPending]).toEqual([0, {}, 0]);
  });

  test("clients are bounded: an idle one gives way, one that is busy does not", async () => {
    const { clock, pools, open } = made({ clientsMax: 1 });
    const busy = await held(clock, pools.acquire("a"));
    expect(await pools.acquire("b")).toMatchObject({ reason: "full" });
    busy[Symbol.dispose]();
    await held(clock, pools.acquire("b"));
    expect(Array.from(open, ({ client }) => client)).toEqual(["b"]);
  });

  test("disposing refuses who waits, waits for what is in use, and leaves nothing open", async () => {
    const { clock, pools, open } = made({ connectionsMax: 1 });
    const first = await held(clock, pools.acquire("a"));
    const waiting = pools.acquire("a");
    await clock.settle();
    let isDone = false;
    const closing = pools[Symbol.asyncDispose]().then(() => (isDone = true));
    expect(await waiting).toMatchObject({ allowed: false, reason: "closed" });
    await clock.settle();
    expect(isDone).toBe(false);
    first[Symbol.dispose]();
    await closing;
    expect([open.size, clock.timersPending]).toEqual([0, 0]);
    expect(await pools.acquire("a")).toMatchObject({ reason: "closed" });
  });

  test("never more open than allowed, and nothing left in the end, under any mix", async () => {
    const act = fc.oneof(
      fc.record({ kind: fc.constant("ask" as const), client: fc.constantFrom("a", "b"), ms: fc.nat(3) }),
      fc.record({ kind: fc.constant("return" as const), which: fc.nat(9), broken: fc.boolean(), ms: fc.nat(60) }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(act, { maxLength: 40 }), async (acts) => {
        const { clock, pools, open } = made({ queueMax: 2, waitMaxMs: 20, idleMs: 50 });
        const lent: HeldConnection<Fake>[] = [];
        for (const step of acts) {
          if (step.kind === "ask") void pools.acquire(step.client).then((got) => got.allowed && lent.push(got));
          else {
            const [back] = lent.splice(step.which % Math.max(1, lent.length), 1);
            if (step.broken) back?.broken();
            back?.[Symbol.dispose]();
          }
          await clock.advance(step.ms);
          for (const client of ["a", "b"])
            expect(Array.from(open).filter((one) => one.client === client).length).toBeLessThanOrEqual(2);
        }
        await clock.advance(30);
        for (const left of lent) left[Symbol.dispose]();
        await pools[Symbol.asyncDispose]();
        expect([open.size, clock.timersPending]).toEqual([0, 0]);
      }),
      { numRuns: 40 },
    );
  });
});

test("who asks in the turn in which the pools are closed gets a refusal, and nothing is opened", async () => {
  const { clock, pools, open } = made();
  const asked = pools.acquire("a");
  await pools[Symbol.asyncDispose]();
  expect(await asked).toMatchObject({ allowed: false, reason: "closed" });
  await clock.advance(10);
  expect(open.size).toBe(0);
  expect(pools.describe()["a"]).toEqual({ inUse: 0, idle: 0, waiting: 0 });
});

test("a connection that cannot be looked at is closed, and its place is free", async () => {
  const { clock, pools, open } = made({
    isUsable: () => {
      throw new Error("cannot tell");
    },
  });
  const first = await held(clock, pools.acquire("a"));
  first[Symbol.dispose]();
  await expect(pools.acquire("a")).rejects.toThrow("cannot tell");
  expect(open.size).toBe(0);
  expect(pools.describe()["a"]).toEqual({ inUse: 0, idle: 0, waiting: 0 });
});
