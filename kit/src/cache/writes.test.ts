import { expect, test } from "vitest";
import { gate } from "../abort/mod.ts";
import { subscribe } from "../telemetry/mod.ts";
import { bed, counting } from "./cache.test-bed.ts";
import type { CacheOptions } from "./options.ts";

test("the longest prefix gives the strategy, and what it leaves out is that of the whole cache", async () => {
  const { clock, values } = bed({
    ttlMs: 1_000,
    load: async (key) => `plain ${key}`,
    prefixes: {
      "user:": { ttlMs: 100 },
      "user:vip:": { ttlMs: 5_000, load: async (key) => `vip ${key}` },
    },
  });
  const keys = ["other", "user:1", "user:vip:1"];
  expect(await values.getMany(keys)).toEqual(["plain other", "plain user:1", "vip user:vip:1"]);
  const fresh = (): readonly string[] => keys.filter((key) => values.describe(key).state === "fresh");
  await clock.advance(100);
  expect(fresh()).toEqual(["other", "user:vip:1"]);
  await clock.advance(900);
  expect(fresh()).toEqual(["user:vip:1"]);
});

test("write-through: the source has it before the cache, its failure changes nothing, writes of one key keep their order", async () => {
  const source = new Map<string, string | undefined>();
  const gates = [gate(), gate()];
  let writes = 0;
  const { clock, values } = bed({
    write: async (key, value) => {
      const turn = writes++;
      await gates[turn]?.promise;
      if (value === "bad") throw new Error("refused");
      source.set(key, value);
    },
  });
  const [first, second] = [values.set("a", "1"), values.set("a", "2")];
  await clock.settle();
  expect([values.peek("a"), source.size, writes]).toEqual([undefined, 0, 1]);
  gates[0]?.open();
  gates[1]?.open();
  expect([await first, await second]).toEqual(["stored", "stored"]);
  expect([values.peek("a"), source.get("a")]).toEqual(["2", "2"]);
  await expect(values.set("a", "bad")).rejects.toThrow("refused");
  expect([values.peek("a"), source.get("a")]).toEqual(["2", "2"]);
  await values.delete("a");
  expect([values.peek("a"), source.get("a"), source.has("a")]).toEqual([undefined, undefined, true]);
});

test("write-through: when the source has it and the cache cannot keep it, what was there before does not stay", async () => {
  const source = new Map<string, string | undefined>();
  let isFaulty = false;
  const { values } = bed({
    write: async (key, value) => void source.set(key, value),
    tagsOf: () => {
      if (isFaulty) throw new Error("no tags for it");
      return [];
    },
  });
  await values.set("a", "old");
  isFaulty = true;
  await expect(values.set("a", "new")).rejects.toThrow("no tags");
  expect([source.get("a"), values.peek("a")]).toEqual(["new", undefined]);
});

test("a smaller version never takes the place of a larger one, by set or by load", async () => {
  const { values } = bed<{ v: number }>({ versionOf: ({ v }) => v });
  expect(await values.set("a", { v: 2 })).toBe("stored");
  expect(await values.set("a", { v: 1 })).toBe("outdated");
  expect(values.peek("a")).toEqual({ v: 2 });
  const { clock, values: short } = bed<{ v: number }>({ versionOf: ({ v }) => v, ttlMs: 100, staleMs: 1_000 });
  await short.set("a", { v: 5 });
  await clock.advance(100);
  await short.get("a", async () => ({ v: 4 }));
  await clock.settle();
  expect([short.describe("a").version, short.report().refusedFills]).toEqual([5, 1]);
});

test("olderThan invalidates only what has a smaller version", async () => {
  const { values } = bed<{ v: number }>({ versionOf: ({ v }) => v });
  await values.set("a", { v: 3 });
  await values.invalidate({ keys: ["a"] }, { olderThan: 3 });
  expect(values.peek("a")).toEqual({ v: 3 });
  await values.invalidate({ keys: ["a"] }, { olderThan: 4 });
  expect(values.peek("a")).toBe(undefined);
});

test("soft: no longer fresh, served while it is loaded anew, for as long as a stale value is", async () => {
  for (const target of [{ keys: ["a"] }, { tags: ["t"] }, { all: "entries" }] as const) {
    const load = counting();
    const { clock, values } = bed({ ttlMs: 60_000, staleMs: 1_000, tagsOf: () => ["t"], load });
    await values.get("a");
    await values.invalidate(target, { mode: "soft" });
    expect(values.peek("a")).toBe(undefined);
    expect(await values.get("a")).toBe("value 1");
    await clock.settle();
    expect(values.peek("a")).toBe("value 2");
    await values.invalidate(target, { mode: "soft" });
    await clock.advance(1_000);
    expect(await values.get("a")).toBe("value 3");
  }
});

test("a cache of bytes holds no more than its bytes, and what is too large is loaded each time and not kept", async () => {
  const { values } = bed({ bytes: 100, sizeOf: (value) => value.length });
  for (let index = 0; index < 50; index++) await values.set(`${index}`, "x".repeat(9));
  expect(values.report().weight).toBeLessThanOrEqual(100);
  expect(await values.set("large", "x".repeat(101))).toBe("refused");
  expect(await values.get("large", async () => "y".repeat(200))).toBe("y".repeat(200));
  expect(values.describe("large").state).toBe("gone");
});

test("what is past its life leaves by itself while others are stored, and at once when swept; no timer runs", async () => {
  const { clock, values } = bed({ entries: 1_000, ttlMs: 100 });
  for (let index = 0; index < 100; index++) await values.set(`old ${index}`, "x");
  await clock.advance(100);
  for (let index = 0; index < 60; index++) await values.set(`new ${index}`, "x");
  expect([values.report().entries, clock.timersPending]).toEqual([60, 0]);
  await clock.advance(100);
  expect([values.sweep(), values.report().entries]).toEqual([60, 0]);
});

test("times without end and of ten years are kept as they are", async () => {
  const years = 10 * 365 * 86_400_000;
  const { clock, values } = bed({ ttlMs: years });
  await values.set("a", "x");
  await clock.advance(years - 1);
  expect(values.peek("a")).toBe("x");
  await clock.advance(1);
  expect(values.peek("a")).toBe(undefined);
  const endless = bed();
  await endless.values.set("a", "x");
  await endless.clock.advance(years * 5);
  expect(endless.values.peek("a")).toBe("x");
});

test("options and keys out of range are refused by name", async () => {
  const refused = (options: Partial<CacheOptions<string>>, option: string): void =>
    expect(() => bed(options)).toThrow(expect.objectContaining({ code: "CONFIG", option }));
  refused({ ttlMs: 0 }, "ttlMs");
  refused({ ttlMs: Number.NaN }, "ttlMs");
  refused({ ttlMs: "1m" as never }, "ttlMs");
  refused({ jitterRatio: 0.6 }, "jitterRatio");
  refused({ refreshAheadRatio: 0 }, "refreshAheadRatio");
  refused({ prefixes: { "": {} } }, "prefixes");
  refused({ prefixes: { a: { staleMs: -1 } } }, "staleMs");
  refused({ loadsMax: 0 }, "loadsMax");
  const { values } = bed();
  expect(() => values.set("", "x")).toThrow(expect.objectContaining({ option: "key" }));
  await expect(values.get("x".repeat(600))).rejects.toMatchObject({ option: "key" });
  await expect(values.invalidate({ all: "entries" }, { olderThan: 1 })).rejects.toMatchObject({ option: "olderThan" });
  for (const target of [{}, { keys: "abc" }, { key: ["a"] }])
    await expect(values.invalidate(target as never)).rejects.toMatchObject({ option: "target" });
  await expect(values.set("a", "x", { ttlMs: Number.NaN })).rejects.toMatchObject({ option: "ttlMs" });
  await expect(values.set("a", "x", { version: Number.NaN })).rejects.toMatchObject({ option: "version" });
  const odd = bed({ ttlMs: () => Number.NaN });
  await expect(odd.values.get("a", async () => "x")).rejects.toMatchObject({ option: "ttlMs" });
});

test("telemetry tells of loads, removals and invalidations, with their cache", async () => {
  const told: unknown[] = [];
  using _loads = subscribe("ashlar.cache.load", ({ cache, key, outcome }) => told.push([cache, key, outcome]));
  using _removed = subscribe("ashlar.cache.removed", ({ key, reason }) => told.push([key, reason]));
  using _all = subscribe("ashlar.cache.invalidated", ({ mode, keys, tags }) => told.push([mode, keys, tags]));
  const { values } = bed({ name: "told", entries: 1, policy: "fifo" });
  await values.get("a", async () => "x");
  await values.get("b", async () => undefined);
  await values.invalidate({ keys: ["b"] });
  await values.get("c", () => Promise.reject(new Error("down"))).catch(() => undefined);
  expect(told).toEqual([
    ["told", "a", "loaded"],
    ["a", "evicted"],
    ["told", "b", "absent"],
    ["hard", 1, 0],
    ["b", "invalidated"],
    ["told", "c", "failed"],
  ]);
});

test("a closed cache refuses to load and to write, and aborts what it is loading", async () => {
  const { values } = bed();
  let signal: AbortSignal | undefined;
  const loading = values.get("a", (_, context) => {
    ({ signal } = context);
    return new Promise((_, reject) => context.signal.addEventListener("abort", () => reject(context.signal.reason)));
  });
  await values[Symbol.asyncDispose]();
  await expect(loading).rejects.toMatchObject({ code: "DISPOSED" });
  expect(signal?.aborted).toBe(true);
  await expect(values.get("b", async () => "x")).rejects.toMatchObject({ code: "DISPOSED" });
  await expect(values.set("b", "x")).rejects.toMatchObject({ code: "DISPOSED" });
});
