// Faults that were found and reproduced in other caches, each as a rule that holds here.
import { expect, test } from "vitest";
import { gate } from "../abort/mod.ts";
import { memoryBus, memoryTier } from "../cache/memory/mod.ts";
import { manualClock } from "../clock/mod.ts";
import { seededRandom } from "../random/mod.ts";
import { cache, type Cache, openCache } from "./cache.ts";
import type { OpenCacheOptions } from "./options.ts";

const clock = manualClock();
const base = { entries: 100, jitterRatio: 0, earlyRefresh: 0, clock, random: seededRandom("peers") } as const;
const values = (options: Partial<OpenCacheOptions<string>> = {}): Cache<string> =>
  cache<string>({ ...base, ...options });

test("bentocache: 100 callers of a failing load see one call and the same error", async () => {
  const down = gate<string>();
  let calls = 0;
  const load = (): Promise<string> => {
    calls++;
    return down.promise;
  };
  const peers = values();
  const reads = Array.from({ length: 100 }, () => peers.get("a", load));
  const error = new Error("down");
  down.fail(error);
  const results = await Promise.allSettled(reads);
  expect(calls).toBe(1);
  for (const result of results) expect(result).toEqual({ status: "rejected", reason: error });
});

test("cacheable: a failing load rejects; nobody is given undefined for it", async () => {
  await expect(values().get("a", () => Promise.reject(new Error("down")))).rejects.toThrow("down");
});

test("cacheable, cache-manager: a load that throws before its first await is a rejection like any other", async () => {
  const peers = values();
  const load = (): never => {
    throw new Error("at once");
  };
  await expect(peers.get("a", load)).rejects.toThrow("at once");
  expect(peers.report().loadsRunning).toBe(0);
});

test("bentocache: a stale time shorter than the fresh time adds to the life, it does not shorten it", async () => {
  let calls = 0;
  const peers = values({ ttlMs: 200, staleMs: 50, load: async () => `${++calls}` });
  await peers.get("a");
  await clock.advance(100);
  expect([await peers.get("a"), calls]).toEqual(["1", 1]);
});

test("bentocache: an entry that is written in the same millisecond as its tag is invalidated, and after it, counts", async () => {
  let calls = 0;
  const peers = values({ tagsOf: () => ["t"], load: async () => `${++calls}` });
  await peers.get("a");
  await peers.invalidate({ tags: ["t"] });
  expect([await peers.get("a"), await peers.get("a"), calls]).toEqual(["2", "2", 2]);
});

test("bentocache: a value that was read from the shared tier is the same when it is read once more", async () => {
  const shared = memoryTier({ clock });
  await using first = await openCache<{ v: number }>({ ...base, shared });
  await first.set("a", { v: 1 });
  await using second = await openCache<{ v: number }>({ ...base, entries: 1, shared });
  expect([await second.get("a"), await second.get("a"), second.peek("a")]).toEqual([{ v: 1 }, { v: 1 }, { v: 1 }]);
});

test("bentocache, cacheable, cache-manager: a load that began before a set does not bring the old value back", async () => {
  const peers = values();
  const old = gate<string>();
  const read = peers.get("a", () => old.promise);
  await peers.set("a", "new");
  old.open("old");
  expect(await read).toBe("old"); // it began before, and is told what was true then
  expect([peers.peek("a"), peers.report().refusedFills]).toEqual(["new", 1]);
});

test("bentocache, cacheable, cache-manager: a load that began before a delete is not stored after it", async () => {
  const peers = values();
  const old = gate<string>();
  const read = peers.get("a", () => old.promise);
  await peers.delete("a");
  old.open("old");
  await read;
  expect([peers.peek("a"), peers.describe("a").state]).toEqual([undefined, "gone"]);
});

test("FusionCache: who reads after an invalidation does not join the load that began before it", async () => {
  for (const target of [{ keys: ["a"] }, { tags: ["t"] }, { all: "entries" }] as const) {
    const peers = values({ tagsOf: () => ["t"] });
    const answers = [gate<string>(), gate<string>()];
    let calls = 0;
    const load = (): Promise<string> => answers[calls++]?.promise ?? Promise.reject(new Error("a third load"));
    const before = peers.get("a", load);
    await peers.invalidate(target);
    const after = peers.get("a", load);
    answers[1]?.open("new");
    expect(await after).toBe("new");
    answers[0]?.open("old");
    expect([await before, peers.peek("a")]).toEqual(["old", "new"]);
  }
});

test("all five peers: a load that says there is no value is remembered", async () => {
  let calls = 0;
  const peers = values({ load: async () => void calls++ });
  for (let read = 0; read < 3; read++) expect(await peers.get("a")).toBe(undefined);
  expect(calls).toBe(1);
});

test("all five peers: null, 0, false and the empty text are values like any other", async () => {
  const peers = cache<unknown>(base);
  for (const value of [null, 0, false, ""]) {
    let calls = 0;
    const load = async (): Promise<unknown> => (calls++, value);
    expect([
      await peers.get(`${value}`.padEnd(1, "-"), load),
      await peers.get(`${value}`.padEnd(1, "-"), load),
    ]).toEqual([value, value]);
    expect(calls).toBe(1);
  }
});

test("eight bentocaches: over one shared tier 160 callers of a cold key in eight caches are one load", async () => {
  const shared = memoryTier({ clock });
  const bus = memoryBus({ clock });
  const caches = await Promise.all(Array.from({ length: 8 }, () => openCache<string>({ ...base, shared, bus })));
  let calls = 0;
  const load = async (): Promise<string> => {
    calls++;
    await clock.sleep(300);
    return "x";
  };
  const reads = caches.flatMap((one) => Array.from({ length: 20 }, () => one.get("cold", load)));
  await clock.advance(1_000);
  expect(await Promise.all(reads)).toEqual(Array(160).fill("x"));
  expect(calls).toBe(1);
  for (const one of caches) await one[Symbol.asyncDispose]();
});

test("rate-limiter-flexible, bentocache: a life longer than a timer of Node can be does not end at once", async () => {
  const peers = values({ ttlMs: 30 * 86_400_000 });
  await peers.set("a", "x");
  await clock.advance(29 * 86_400_000);
  expect(peers.peek("a")).toBe("x");
});

test("lru-cache, keyv: entries past their life do not keep those out that live", async () => {
  const peers = values({ entries: 10, ttlMs: 1_000, policy: "lru", prefixes: { "short ": { ttlMs: 10 } } });
  for (let index = 0; index < 9; index++) await peers.set(`short ${index}`, "x");
  await clock.advance(10);
  for (let index = 0; index < 10; index++) await peers.set(`long ${index}`, "x");
  expect(Array.from({ length: 10 }, (_, index) => peers.peek(`long ${index}`))).toEqual(Array(10).fill("x"));
});

test("cacheable: two caches with the same keys do not meet in memory", async () => {
  const [one, two] = [values(), values()];
  await one.set("a", "one");
  await two.set("a", "two");
  expect([one.peek("a"), two.peek("a")]).toEqual(["one", "two"]);
});
