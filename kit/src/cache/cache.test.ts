import { expect, test } from "vitest";
import { gate } from "../abort/mod.ts";
import { manualClock } from "../clock/mod.ts";
import { seededRandom } from "../random/mod.ts";
import { bed, counting } from "./cache.test-bed.ts";
import { cache } from "./cache.ts";
import { refreshesEarly } from "./early-refresh.ts";

test("a value is fresh until its time, then stale for its stale time on top of that, then gone", async () => {
  const { clock, values } = bed({ ttlMs: 1_000, staleMs: 500 });
  await values.set("a", "x");
  await clock.advance(999);
  expect([values.peek("a"), values.describe("a").state]).toEqual(["x", "fresh"]);
  await clock.advance(1);
  expect([values.peek("a"), values.describe("a").state]).toEqual([undefined, "stale"]);
  await clock.advance(499);
  expect(values.describe("a")).toMatchObject({ state: "stale", keptForMs: 1 });
  await clock.advance(1);
  expect(values.describe("a")).toMatchObject({ state: "gone", holds: "none" });
});

test("a stale value is the answer at once, and one load in the background replaces it", async () => {
  const load = counting();
  const { clock, values } = bed({ ttlMs: 1_000, staleMs: 60_000, load });
  expect(await values.get("a")).toBe("value 1");
  await clock.advance(5_000);
  expect(await Promise.all([values.get("a"), values.get("a"), values.get("a")])).toEqual(Array(3).fill("value 1"));
  await clock.settle();
  expect([values.peek("a"), load.calls]).toEqual(["value 2", 2]);
  expect(values.report()).toMatchObject({ staleHits: 3, misses: 1, hits: 1, refreshes: 1, loads: 2 });
});

test("a refresh that fails leaves the stale value, and is not tried again before refreshRetryMs", async () => {
  let calls = 0;
  const load = async (): Promise<string> => {
    if (++calls > 1) throw new Error("down");
    return "first";
  };
  const { clock, values } = bed({ ttlMs: 100, staleMs: 60_000, refreshRetryMs: 1_000, load });
  await values.get("a");
  await clock.advance(100);
  for (let read = 0; read < 10; read++) {
    expect(await values.get("a")).toBe("first");
    await clock.settle();
  }
  expect(calls).toBe(2);
  await clock.advance(1_000);
  expect(await values.get("a")).toBe("first");
  await clock.settle();
  expect(calls).toBe(3);
});

test("with stale on-error a load is waited for, and the stale value is the answer when it fails or takes too long", async () => {
  const answers = [gate<string>(), gate<string>(), gate<string>(), gate<string>()];
  let calls = 0;
  const load = (): Promise<string> => answers[calls++]?.promise ?? Promise.reject(new Error("too many calls"));
  const { clock, values } = bed({
    ttlMs: 100,
    staleMs: 60_000,
    stale: "on-error",
    staleAfterMs: 50,
    refreshRetryMs: 0,
    load,
  });
  answers[0]?.open("one");
  await values.get("a");
  await clock.advance(100);
  const failing = values.get("a");
  await clock.settle();
  answers[1]?.fail(new Error("down"));
  expect(await failing).toBe("one");
  const slow = values.get("a");
  await clock.advance(50);
  expect(await slow).toBe("one");
  answers[2]?.open("two");
  await clock.settle();
  expect([values.peek("a"), calls]).toEqual(["two", 3]);
  await clock.advance(100);
  answers[3]?.open("three");
  expect(await values.get("a")).toBe("three");
});

test("that there is no value is remembered for absentMs, and peek does not take it for one", async () => {
  let calls = 0;
  const { clock, values } = bed({ ttlMs: 10_000, absentMs: 100, load: async () => void calls++ });
  for (let read = 0; read < 5; read++) expect(await values.get("a")).toBe(undefined);
  expect([calls, values.peek("a"), values.describe("a").holds]).toEqual([1, undefined, "absence"]);
  await clock.advance(100);
  await values.get("a");
  expect(calls).toBe(2);
});

test("a failed load is remembered for errorMs, as the same error, and by default not at all", async () => {
  const error = new Error("down");
  let calls = 0;
  const load = async (): Promise<string> => {
    calls++;
    throw error;
  };
  const { clock, values } = bed({ errorMs: 100, load });
  for (let read = 0; read < 5; read++) await expect(values.get("a")).rejects.toBe(error);
  expect([calls, values.peek("a")]).toEqual([1, undefined]);
  await clock.advance(100);
  await expect(values.get("a")).rejects.toBe(error);
  expect(calls).toBe(2);
  const forgetful = bed({ load }).values;
  for (let read = 0; read < 3; read++) await expect(forgetful.get("a")).rejects.toBe(error);
  expect(calls).toBe(5);
});

test("jitter only shortens, by at most its part, and spreads what was stored together", async () => {
  const { values } = bed({ ttlMs: 1_000, jitterRatio: 0.2, staleMs: 500 });
  for (let index = 0; index < 100; index++) await values.set(`${index}`, "x");
  const lives = Array.from({ length: 100 }, (_, index) => values.describe(`${index}`));
  for (const { freshForMs, keptForMs } of lives) {
    expect(freshForMs).toBeGreaterThan(800);
    expect(freshForMs).toBeLessThanOrEqual(1_000);
    expect(keptForMs - freshForMs).toBeCloseTo(500, 6);
  }
  expect(new Set(lives.map(({ freshForMs }) => Math.round(freshForMs / 20))).size).toBeGreaterThan(8);
});

test("refresh ahead: from its part of the fresh time on a read gets the value and loads anew, once", async () => {
  const load = counting();
  const { clock, values } = bed({ ttlMs: 1_000, refreshAheadRatio: 0.8, load });
  await values.get("a");
  await clock.advance(799);
  await values.get("a");
  expect(load.calls).toBe(1);
  await clock.advance(1);
  expect(await Promise.all([values.get("a"), values.get("a")])).toEqual(["value 1", "value 1"]);
  await clock.settle();
  expect([load.calls, values.peek("a")]).toEqual([2, "value 2"]);
});

test("early refreshing: chance rises towards the end and with the cost of a load, and is none far from the end", () => {
  const random = seededRandom("early");
  const share = (leftMs: number, costMs: number): number =>
    Array.from({ length: 2_000 }, () => refreshesEarly(leftMs, costMs, random)).filter(Boolean).length / 2_000;
  expect(share(100, 100)).toBeCloseTo(Math.exp(-1), 1);
  expect(share(300, 100)).toBeCloseTo(Math.exp(-3), 1);
  expect([share(0, 100), share(10_000, 100)]).toEqual([1, 0]);
});

test("early refreshing: of many reads of a value that is dear to load one or a few load it before it ends", async () => {
  const clock = manualClock();
  let calls = 0;
  const load = async (): Promise<string> => {
    calls++;
    await clock.sleep(300);
    return "x";
  };
  const values = cache<string>({ entries: 9, ttlMs: 60_000, clock, random: seededRandom(5), jitterRatio: 0, load });
  const first = values.get("a");
  await clock.advance(300);
  await first;
  const waits: number[] = [];
  for (let step = 0; step < 6_000; step++) {
    if (values.describe("a").state !== "fresh") waits.push(step);
    await values.get("a");
    if (step % 10 === 9) await clock.advance(100);
  }
  expect([waits, calls]).toEqual([[], 2]);
});

test("one call brings many: each key once, running ones are waited for, the answers in the order of the keys", async () => {
  const { values } = bed();
  const slow = gate<string>();
  const single = values.get("b", () => slow.promise);
  await values.set("a", "kept");
  const asked: (readonly string[])[] = [];
  const all = values.getMany(["c", "a", "b", "c", "d"], async (keys) => {
    asked.push(keys);
    return keys.map((key) => (key === "d" ? undefined : `many ${key}`));
  });
  slow.open("single b");
  expect(await all).toEqual(["many c", "kept", "single b", "many c", undefined]);
  expect([asked, await single]).toEqual([[["c", "d"]], "single b"]);
  expect(values.peek("c")).toBe("many c");
  expect(values.describe("d").holds).toBe("absence");
});

test("many whose load fails, or answers with another number of values, reject, and nothing is stored", async () => {
  const { values } = bed();
  await expect(values.getMany(["a", "b"], async () => ["only one"])).rejects.toMatchObject({ code: "LOAD_COUNT" });
  const error = new Error("down");
  await expect(values.getMany(["a", "b"], () => Promise.reject(error))).rejects.toBe(error);
  expect([values.peek("a"), values.report().loadsRunning]).toEqual([undefined, 0]);
});

test("many without a bulk loader are loaded by the loader of their keys", async () => {
  const { values } = bed({ load: async (key) => `loaded ${key}` });
  expect(await values.getMany(["a", "b", "a"])).toEqual(["loaded a", "loaded b", "loaded a"]);
});

test("a caller that aborts stops waiting at once; the load goes on for others, and is aborted when the last has gone", async () => {
  const { clock, values } = bed();
  const aborts: unknown[] = [];
  const load = (_: string, { signal }: { readonly signal: AbortSignal }): Promise<string> =>
    new Promise(() => signal.addEventListener("abort", () => aborts.push(signal.reason)));
  const [one, two] = [new AbortController(), new AbortController()];
  const first = values.get("a", load, { signal: one.signal });
  const second = values.get("a", load, { signal: two.signal });
  one.abort("first gone");
  await expect(first).rejects.toBe("first gone");
  expect(aborts).toEqual([]);
  two.abort("second gone");
  await expect(second).rejects.toBe("second gone");
  expect(aborts.length).toBe(1);
  expect(await values.get("a", async () => "anew")).toBe("anew");
  await clock.settle();
  await expect(values.get("b", load, { signal: one.signal })).rejects.toBe("first gone");
});

test("a load that takes longer than loadTimeoutMs fails, its signal aborts, and what it brings later is not stored", async () => {
  const { clock, values } = bed({ loadTimeoutMs: 100 });
  const late = gate<string>();
  let signal: AbortSignal | undefined;
  const read = values.get("a", (_, context) => {
    ({ signal } = context);
    return late.promise;
  });
  const [failed] = await Promise.all([Promise.allSettled([read]), clock.advance(100)]);
  expect(failed).toMatchObject([{ status: "rejected", reason: { code: "TIMEOUT" } }]);
  expect(signal?.aborted).toBe(true);
  late.open("too late");
  await clock.settle();
  expect([values.peek("a"), clock.timersPending]).toEqual([undefined, 0]);
});

test("beyond loadsMax a miss is refused, and a stale value is still served", async () => {
  const { clock, values } = bed({ loadsMax: 1, ttlMs: 100, staleMs: 10_000 });
  await values.set("old", "x");
  await clock.advance(100);
  const slow = gate<string>();
  const running = values.get("a", () => slow.promise);
  await expect(values.get("b", async () => "b")).rejects.toMatchObject({ code: "CACHE_BUSY", retryable: true });
  expect(await values.get("old", async () => "new")).toBe("x");
  slow.open("a");
  await running;
  expect(await values.get("b", async () => "b")).toBe("b");
});

test("a loader is given what it is about to replace", async () => {
  const previous: unknown[] = [];
  const load = async (key: string, context: { readonly previous: string | undefined }): Promise<string> => {
    previous.push(context.previous);
    return `${key} ${previous.length}`;
  };
  const { clock, values } = bed({ ttlMs: 100, staleMs: 1_000, load });
  await values.get("a");
  await clock.advance(100);
  await values.get("a");
  await clock.settle();
  expect(previous).toEqual([undefined, "a 1"]);
});
