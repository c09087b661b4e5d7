import { expect, type TestAPI } from "vitest";
import { systemClock } from "../clock/mod.ts";
import { seededRandom } from "../random/mod.ts";
import {
  concurrency,
  type Decision,
  fixedWindow,
  leakyBucket,
  type Limiter,
  limiter,
  type LimiterStore,
  type Rule,
  slidingLog,
  slidingWindow,
  tokenBucket,
} from "./mod.ts";
import { memoryStore } from "../limiter/memory/mod.ts";
import { arrivals, ruleOf, traceClock } from "./replay.test-trace.ts";

/** Stores on the server that all tests share, on data of their own. */
export interface SharedData extends AsyncDisposable {
  /** A further store, over a connection of its own. */
  open(clock?: { now(): number }): Promise<LimiterStore>;
  /** One behind a proxy, and what it has sent: each piece is a write. */
  openWatched(): Promise<{ readonly store: LimiterStore; readonly requests: readonly string[] }>;
}

/** A server of the test's own. */
export interface OwnServer extends AsyncDisposable {
  readonly store: LimiterStore;
  kill(): Promise<void>;
  start(): Promise<void>;
  pause(): void;
  resume(): void;
}

/** What a server's stores are tried on. */
export interface ServerBed {
  readonly shared: () => Promise<SharedData>;
  readonly own: () => Promise<OwnServer>;
  /** What the own server knows after it was killed. */
  readonly remembers: "everything" | "nothing";
}

export const hourMs = 3_600_000;
export const kindOf = (decision: Decision): string =>
  decision.allowed ? `passes by ${decision.judgedBy}` : decision.reason;

/** So many permits an hour, however slow the machine is. */
export function hourly(store: LimiterStore, limit: number): Limiter {
  const rules = [tokenBucket({ limit, windowMs: hourMs })];
  return limiter({ name: "api", rules, store, storeDown: "closed", storeTimeoutMs: 60_000 });
}

/** One rule of each kind that has its own way of keeping states, of three permits. */
export function everyKind(windowMs: number): readonly Rule[] {
  return [
    tokenBucket({ limit: 3, windowMs }),
    leakyBucket({ limit: 3, windowMs, queueMax: 2 }),
    fixedWindow({ limit: 3, windowMs }),
    slidingWindow({ limit: 3, windowMs }),
    slidingLog({ limit: 3, windowMs }),
    concurrency({ limit: 3, leaseMs: windowMs, counts: "cost" }),
  ];
}

/** Asks until it is judged as wanted, for ten seconds at most. */
export async function until(wanted: string, ask: () => Promise<Decision>): Promise<void> {
  const untilMs = systemClock.monotonic() + 10_000;
  let last = "";
  while (last !== wanted && systemClock.monotonic() < untilMs) {
    last = kindOf(await ask());
    await systemClock.sleep(10);
  }
  expect(last).toBe(wanted);
}

/** Registers what every store on a server goes through, beside the conformance suite: the server's time, the wire, other processes, and a server
 *  that is away. */
export function exerciseServerStore(name: string, bed: ServerBed, { test }: { readonly test: TestAPI }): void {
  for (const [rule, run] of Object.entries(scenarios)) test(`${name}: ${rule}`, () => run(bed));
  const replays = `${name}: of 1,500 real requests each is judged as memory judges it`;
  test.skipIf(trace === undefined)(replays, { timeout: 60_000 }, () => replayArrivals(bed));
}

const scenarios: Readonly<Record<string, (bed: ServerBed) => Promise<void>>> = {
  "by the server's own time limits recover": async ({ shared }) => {
    await using data = await shared();
    const windowMs = 300;
    const guard = { storeDown: "closed", storeTimeoutMs: 60_000 } as const;
    const limit = limiter({ name: "api", rules: everyKind(windowMs), store: await data.open(), ...guard });
    expect((await limit.take("ada", { cost: 2 })).allowed).toBe(true);
    expect(await limit.take("ada", { cost: 2 })).toMatchObject({ allowed: false, reason: "limit" });
    await systemClock.sleep(2 * windowMs);
    expect((await limit.take("ada", { cost: 2 })).allowed).toBe(true);
  },

  "takes of one turn are one write to the server, and equal ones behind one another hardly more than one of them":
    async ({ shared }) => {
      await using data = await shared();
      const { store, requests } = await data.openWatched();
      const limit = hourly(store, 40);
      await limit.take("warm");
      const before = requests.length;
      const decisions = await Promise.all(Array.from({ length: 64 }, () => limit.take("hot")));
      expect(decisions.map(({ allowed }) => allowed)).toEqual(decisions.map((_each, index) => index < 40));
      const sent = requests.slice(before);
      expect(sent).toHaveLength(1);
      expect(sent[0]?.length).toBeLessThan(600);
    },

  "equal takes of one turn are judged as memory judges them one after another, with whole permits and parts of them":
    async ({ shared }) => {
      await using data = await shared();
      let timeMs = 1e12;
      const clock = traceClock(timeMs * 1_000);
      const random = seededRandom("equal takes");
      let factor = 1;
      const rules = [tokenBucket({ limit: 30, burst: 50, windowMs: 1_000 })];
      const common = { name: "api", rules, factor: () => factor, storeDown: "closed", storeTimeoutMs: 60_000 } as const;
      const onServer = limiter({ ...common, store: await data.open({ now: () => timeMs }) });
      const inMemory = limiter({ ...common, store: memoryStore({ clock }) });
      for (let turn = 0; turn < 100; turn++) {
        timeMs += random.integer(0, 900);
        clock.set(timeMs * 1_000);
        factor = random.next() < 0.7 ? 1 : 0.3;
        const [cost, times] = [random.integer(1, 8), random.integer(1, 30)];
        const [decisions, wanted] = await Promise.all(
          [onServer, inMemory].map((limit) =>
            Promise.all(Array.from({ length: times }, () => limit.take("hot", { cost }))),
          ),
        );
        // In memory a grant's limits are those of the moment at which they are read: that of the last take.
        expect(decisions?.map(waitOf)).toEqual(wanted?.map(waitOf));
        expect(decisions?.at(-1)?.limits).toEqual(wanted?.at(-1)?.limits);
      }
    },

  "permits are as many whoever asks: stores that take at once over connections of their own pass the limit between them exactly":
    async ({ shared }) => {
      await using data = await shared();
      const stores = await Promise.all([1, 2, 3, 4].map(() => data.open()));
      const rules = [slidingLog({ limit: 500, windowMs: hourMs }), tokenBucket({ limit: 700, windowMs: hourMs })];
      const taken = stores.map(async (store) => {
        const limit = limiter({ name: "api", rules, store, storeDown: "closed", storeTimeoutMs: 60_000 });
        let passed = 0;
        for (let turn = 0; turn < 20; turn++) {
          const decisions = await Promise.all(Array.from({ length: 10 }, () => limit.take("all")));
          passed += decisions.filter(({ allowed }) => allowed).length;
        }
        return passed;
      });
      expect((await Promise.all(taken)).reduce((sum, each) => sum + each, 0)).toBe(500);
    },

  "keys that several stores see for the first time at once, in any order, have one limit each": async ({ shared }) => {
    await using data = await shared();
    const limits = (await Promise.all([1, 2, 3, 4].map(() => data.open()))).map((store) => hourly(store, 5));
    const keys = Array.from({ length: 40 }, (_, index) => `key ${index}`);
    const passed = new Map<string, number>();
    const turns = limits.flatMap((limit, place) =>
      Array.from({ length: 3 }, (_, turn) => {
        // Each its own order, so that a store which waits for keys in that order ends in a circle.
        const ordered = place % 2 === turn % 2 ? keys : keys.toReversed();
        return ordered.map(async (key) => {
          if ((await limit.take(key)).allowed) passed.set(key, (passed.get(key) ?? 0) + 1);
        });
      }),
    );
    await Promise.all(turns.flat());
    expect([...passed.values()]).toEqual(keys.map(() => 5));
  },

  "while the server is away the limiter decides as it was told to; when it is back, its limits hold what it remembers":
    async ({ own, remembers }) => {
      await using server = await own();
      const common = { name: "api", rules: [tokenBucket({ limit: 2, windowMs: hourMs })], store: server.store };
      const guard = { storeTimeoutMs: 2_000, coolDownMs: 50 } as const;
      const closed = limiter({ ...common, ...guard, storeDown: "closed" });
      const open = limiter({ ...common, ...guard, storeDown: "open" });
      expect(kindOf(await closed.take("ada"))).toBe("passes by store");
      expect(kindOf(await open.take("ada"))).toBe("passes by store");
      expect(kindOf(await closed.take("ada"))).toBe("limit");
      await server.kill();
      expect(kindOf(await closed.take("ada"))).toBe("store-down");
      expect(kindOf(await open.take("ada"))).toBe("passes by nobody");
      await server.start();
      if (remembers === "nothing") {
        await until("passes by store", () => closed.take("ada"));
        expect(kindOf(await closed.take("ada"))).toBe("passes by store");
      }
      await until("limit", () => closed.take("ada"));
      expect(kindOf(await closed.take("bob"))).toBe("passes by store");
    },

  "a server that hangs counts as down once the limiter has waited long enough": async ({ own }) => {
    await using server = await own();
    const rules = [tokenBucket({ limit: 2, windowMs: hourMs })];
    const guard = { storeDown: "closed", storeTimeoutMs: 300, coolDownMs: 50 } as const;
    const limit = limiter({ name: "api", rules, store: server.store, ...guard });
    expect(kindOf(await limit.take("ada"))).toBe("passes by store");
    server.pause();
    expect(kindOf(await limit.take("ada"))).toBe("store-down");
    server.resume();
    await until("limit", () => limit.take("ada"));
  },
};

const trace = arrivals();
// Enough for windows to fill and to slide; the whole hour would be half a minute.
const arrivalsTried = 1_500;

/** What memory lets pass of the whole hour is what exact arithmetic finds (replay.test.ts). */
async function replayArrivals({ shared }: ServerBed): Promise<void> {
  const { arrivalsUs, expected } = trace ?? { arrivalsUs: [], expected: [] };
  await using data = await shared();
  const clock = traceClock(arrivalsUs[0] ?? 0);
  let timeUs = 0;
  const stores = [await data.open({ now: () => timeUs / 1_000 }), memoryStore({ clock })];
  const rules = [...expected.map(ruleOf), slidingWindow({ limit: 10, windowMs: 2_000 })];
  const [limits = [], inMemory = []] = stores.map((store) =>
    rules.map((rule, place) => {
      const guard = { storeDown: "closed", storeTimeoutMs: 60_000 } as const;
      return limiter({ name: `replay-${place}`, rules: [rule], store, ...guard });
    }),
  );
  for (timeUs of arrivalsUs.slice(0, arrivalsTried)) {
    clock.set(timeUs);
    const [decisions = [], wanted = []] = await Promise.all(
      [limits, inMemory].map((each) => Promise.all(each.map((limit) => limit.take("all")))),
    );
    expect(decisions.map(told)).toEqual(wanted.map(told));
  }
}

const waitOf = (decision: Decision): number => (decision.allowed ? 0 : decision.retryAfterMs);

function told(decision: Decision): readonly unknown[] {
  return [kindOf(decision), decision.allowed ? decision.limits : decision.retryAfterMs];
}
