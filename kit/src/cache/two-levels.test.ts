import { expect, test } from "vitest";
import { gate } from "../abort/mod.ts";
import { memoryBus, memoryTier } from "../cache/memory/mod.ts";
import { type ManualClock, manualClock } from "../clock/mod.ts";
import { seededRandom } from "../random/mod.ts";
import { cache, type Cache, openCache } from "./cache.ts";
import { invalidateOn } from "./invalidate-on.ts";
import type { OpenCacheOptions } from "./options.ts";
import type { SharedTier } from "./shared-tier.ts";
import { betweenTier, lossyBus } from "./tiers.test-tier.ts";

let caches = 0;

function open(clock: ManualClock, options: Partial<OpenCacheOptions<string>> = {}): Promise<Cache<string>> {
  const random = seededRandom(caches++);
  const base = { entries: 100, ttlMs: 60_000, jitterRatio: 0, earlyRefresh: 0, clock, random };
  return openCache<string>({ ...base, ...options });
}

const never = (): Promise<string> => Promise.reject(new Error("nobody loads here"));

test("what one cache loaded another finds, without loading, and for the rest of its life", async () => {
  const clock = manualClock();
  const shared = memoryTier({ clock });
  const [one, two] = [await open(clock, { shared }), await open(clock, { shared })];
  await one.get("a", async () => "x");
  await clock.advance(20_000);
  expect(await two.get("a", never)).toBe("x");
  expect(two.describe("a").freshForMs).toBe(40_000);
  expect([two.report().sharedHits, two.report().loads]).toEqual([1, 0]);
  await one.set("none", undefined);
  expect([await two.get("none", never), two.describe("none").holds]).toEqual([undefined, "absence"]);
});

test("without a loader a miss asks the shared tier, holds nobody up, and finds nothing where there is nothing", async () => {
  const clock = manualClock();
  const shared = memoryTier({ clock });
  const [one, two] = [await open(clock, { shared }), await open(clock, { shared })];
  expect(await one.get("a")).toBe(undefined);
  expect(await two.get("a", async () => "x")).toBe("x");
  expect([await one.get("a"), one.peek("a"), await one.get("b")]).toEqual(["x", "x", undefined]);
  expect(one.describe("b").holds).toBe("none");
});

test("reads of one turn ask the shared tier once, and what one of them cannot read is its own affair", async () => {
  const clock = manualClock();
  const tier = memoryTier({ clock });
  const shared = betweenTier(tier, {});
  const one = await open(clock, { shared });
  const life = { freshMs: 1_000, keptMs: 1_000, tags: [], version: undefined };
  for (const key of ["a", "b"]) await tier.write(key, { ...life, body: `"${key}"` });
  await tier.write("broken", { ...life, body: "{" });
  const reads = [
    one.get("a", never),
    one.get("broken", async () => "mended"),
    one.get("b", never),
    one.get("new", async () => "loaded"),
  ];
  expect((await Promise.all([...reads.slice(0, 1), ...reads.slice(2)])).join(" ")).toBe("a b loaded");
  expect(shared.asked.filter((operation) => operation === "read")).toEqual(["read"]);
  await clock.advance(1);
  expect(await reads[1]).toBe("mended");
});

test("who finds a stale entry in the shared tier answers with it; one in the fleet loads it anew", async () => {
  const clock = manualClock();
  const shared = memoryTier({ clock });
  const options = { shared, ttlMs: 100, staleMs: 60_000 };
  const [one, two, three] = [await open(clock, options), await open(clock, options), await open(clock, options)];
  await one.set("a", "old");
  await clock.advance(200);
  let calls = 0;
  const load = async (): Promise<string> => {
    calls++;
    await clock.sleep(50);
    return "new";
  };
  expect(await Promise.all([two.get("a", load), three.get("a", load)])).toEqual(["old", "old"]);
  await clock.advance(60);
  expect([calls, await two.get("a", never)]).toEqual([1, "new"]);
});

test("a refresh ahead of the end takes what another has refreshed meanwhile", async () => {
  const clock = manualClock();
  const shared = memoryTier({ clock });
  const options = { shared, ttlMs: 1_000, refreshAheadRatio: 0.8 };
  const [one, two] = [await open(clock, options), await open(clock, options)];
  let calls = 0;
  const load = async (): Promise<string> => `${++calls}`;
  await one.get("a", load);
  await two.get("a", load);
  await clock.advance(850);
  await one.get("a", load);
  await clock.settle();
  await two.get("a", load);
  await clock.settle();
  expect([calls, one.peek("a"), two.peek("a")]).toEqual([2, "2", "2"]);
});

test("the loader of a fleet dies: after its lease another loads", async () => {
  const clock = manualClock();
  const shared = memoryTier({ clock });
  const options = { shared, fillLeaseMs: 500, fillWaitMs: 60_000 };
  const [dead, alive] = [await open(clock, options), await open(clock, options)];
  void dead.get("a", () => new Promise(() => undefined)).catch(() => undefined);
  await clock.settle();
  const read = alive.get("a", async () => "x");
  await clock.advance(1_000);
  expect(await read).toBe("x");
});

test("who has waited for fillWaitMs loads by itself, and keeps the result to itself", async () => {
  const clock = manualClock();
  const shared = memoryTier({ clock });
  const options = { shared, fillLeaseMs: 60_000, fillWaitMs: 200 };
  const [slow, quick] = [await open(clock, options), await open(clock, options)];
  const late = gate<string>();
  const first = slow.get("a", () => late.promise);
  await clock.settle();
  const second = quick.get("a", async () => "mine");
  await clock.advance(300);
  expect([await second, quick.peek("a")]).toEqual(["mine", "mine"]);
  late.open("theirs");
  await first;
  const [read] = await shared.read(["a"]);
  expect(read?.kind === "found" && read.entry.body).toBe('"theirs"');
});

test("a failed load gives the right to fill back at once", async () => {
  const clock = manualClock();
  const shared = memoryTier({ clock });
  const [one, two] = [await open(clock, { shared }), await open(clock, { shared })];
  await expect(one.get("a", never)).rejects.toThrow("nobody");
  await clock.settle();
  expect(await two.get("a", async () => "x")).toBe("x");
});

test("a load that was overtaken by a write of another process is stored nowhere", async () => {
  const clock = manualClock();
  const shared = memoryTier({ clock });
  const [one, two] = [await open(clock, { shared }), await open(clock, { shared })];
  const old = gate<string>();
  const read = one.get("a", () => old.promise);
  await clock.settle();
  await two.set("a", "new");
  old.open("old");
  expect([await read, one.peek("a"), one.report().refusedFills]).toEqual(["old", undefined, 1]);
  expect(await one.get("a", never)).toBe("new");
});

test("a shared tier that fails is done without, left alone for a while, and then asked again", async () => {
  const clock = manualClock();
  let isDown = true;
  const before = async (): Promise<void> => {
    if (isDown) throw new Error("no connection");
  };
  const shared = betweenTier(memoryTier({ clock }), { before });
  const one = await open(clock, { shared, sharedRetryMs: 1_000 });
  for (const key of ["a", "b", "c"]) expect(await one.get(key, async () => key)).toBe(key);
  expect([shared.asked, one.report().sharedFaults]).toEqual([["read"], 1]);
  isDown = false;
  await clock.advance(1_000);
  await one.get("d", async () => "d");
  expect(shared.asked).toEqual(["read", "read", "fill"]);
});

test("a shared tier that throws before it has a promise is done without like one whose promise fails", async () => {
  const clock = manualClock();
  const read = (): never => {
    throw new Error("not even a promise");
  };
  const one = await open(clock, { shared: { ...memoryTier({ clock }), read } });
  expect(await Promise.all(["a", "b"].map((key) => one.get(key, async () => key)))).toEqual(["a", "b"]);
  expect(one.report().sharedFaults).toBe(1);
});

test("an answer of the shared tier that makes no sense fails its reader, and leaves none waiting", async () => {
  const clock = manualClock();
  const read = (): Promise<never> => Promise.resolve(["nonsense", { kind: "missing" }] as never);
  const one = await open(clock, { shared: { ...memoryTier({ clock }), read } });
  const reads = await Promise.allSettled(["a", "b"].map((key) => one.get(key, async () => key)));
  expect(reads.map(({ status }) => status)).toEqual(["rejected", "fulfilled"]);
});

test("a read of the shared tier that hangs is done without after sharedTimeoutMs, and gives its token back when it ends", async () => {
  const clock = manualClock();
  const hangs = gate();
  const tier = memoryTier({ clock });
  const shared = betweenTier(tier, {
    after: (operation) => (operation === "read" ? hangs.promise : Promise.resolve()),
  });
  const one = await open(clock, { shared, sharedTimeoutMs: 100 });
  const read = one.get("a", async () => "x");
  await clock.advance(100);
  expect(await read).toBe("x");
  hangs.open();
  await clock.settle();
  const [next] = await tier.read(["a"], { forMs: 1_000, of: "any" });
  expect([next?.kind, shared.asked, clock.timersPending]).toEqual(["missing", ["read", "abandon"], 0]);
});

test("a write or an invalidation that the shared tier does not take is an error, and nothing old stays here", async () => {
  const clock = manualClock();
  let isDown = false;
  const before = async (): Promise<void> => {
    if (isDown) throw new Error("no connection");
  };
  const one = await open(clock, { shared: betweenTier(memoryTier({ clock }), { before }) });
  for (const write of [() => one.set("a", "new"), () => one.invalidate({ keys: ["a"] }), () => one.delete("a")]) {
    isDown = false;
    await one.set("a", "old");
    isDown = true;
    await expect(write()).rejects.toMatchObject({ code: "SHARED_TIER", retryable: true });
    expect(one.peek("a")).toBe(undefined);
  }
});

test("what cannot be decoded is taken out and loaded anew", async () => {
  const clock = manualClock();
  const tier: SharedTier = memoryTier({ clock });
  const one = await open(clock, { shared: tier });
  await tier.write("a", { body: "{not json", freshMs: 1_000, keptMs: 1_000, tags: [], version: undefined });
  const read = one.get("a", async () => "x");
  await clock.advance(100);
  expect(await read).toBe("x");
  const [found] = await tier.read(["a"]);
  expect(found?.kind === "found" && found.entry.body).toBe('"x"');
});

test("what cannot be encoded is an error to its callers, and the next may try", async () => {
  const clock = manualClock();
  const values = await openCache<unknown>({ entries: 9, clock, shared: memoryTier({ clock }) });
  await expect(values.get("a", async () => new Map())).rejects.toMatchObject({ code: "ENCODE" });
  expect(await values.get("a", async () => "fine")).toBe("fine");
});

test("many keys are one read of the shared tier", async () => {
  const clock = manualClock();
  const shared = betweenTier(memoryTier({ clock }), {});
  const [one, two] = [await open(clock, { shared }), await open(clock, { shared })];
  await one.set("a", "x");
  shared.asked.length = 0;
  const asked: (readonly string[])[] = [];
  const answer = await two.getMany(
    ["a", "b", "c"],
    async (keys) => (asked.push(keys), keys.map((key) => `new ${key}`)),
  );
  expect([answer, asked]).toEqual([["x", "new b", "new c"], [["b", "c"]]]);
  expect(shared.asked).toEqual(["read", "fill", "fill"]);
});

test("the bus makes others drop what one has written or invalidated, by key, tag and all", async () => {
  const clock = manualClock();
  const [shared, bus] = [memoryTier({ clock }), memoryBus({ clock })];
  const options = { shared, bus, tagsOf: () => ["t"] };
  const [one, two] = [await open(clock, options), await open(clock, options)];
  for (const change of [
    () => one.set("a", "new"),
    () => one.delete("a"),
    () => one.invalidate({ tags: ["t"] }),
    () => one.invalidate({ all: "entries" }),
  ]) {
    await two.set("a", "old");
    await clock.settle();
    await change();
    await clock.settle();
    expect(two.peek("a")).toBe(undefined);
  }
  await one.set("mine", "x");
  await clock.settle();
  expect(one.peek("mine")).toBe("x"); // its own message does it no harm
});

test("a lost message is noticed by the next one, and everything is dropped", async () => {
  const clock = manualClock();
  let isLosing = false;
  const bus = memoryBus({ clock });
  const [one, two] = [await open(clock, { bus }), await open(clock, { bus: lossyBus(bus, () => isLosing) })];
  await two.set("a", "old");
  await two.set("b", "innocent");
  await clock.settle();
  isLosing = true;
  await one.invalidate({ keys: ["a"] });
  await clock.settle();
  expect(two.peek("a")).toBe("old");
  isLosing = false;
  await one.invalidate({ keys: ["other"] });
  await clock.settle();
  expect([two.peek("a"), two.peek("b"), two.report().repairs]).toEqual([undefined, undefined, 1]);
});

test("a lost message that no other follows is noticed within repairMs and a little by who reads", async () => {
  const clock = manualClock();
  const bus = memoryBus({ clock });
  let isLosing = false;
  const repairMs = 10_000;
  const two = await open(clock, { bus: lossyBus(bus, () => isLosing), repairMs });
  const one = await open(clock, { bus });
  await two.set("a", "old");
  await clock.settle();
  isLosing = true;
  await one.invalidate({ keys: ["a"] });
  await clock.advance(repairMs);
  expect(two.peek("a")).toBe("old"); // and it asks the bus
  await clock.advance(repairMs / 10);
  expect([two.peek("a"), two.report().repairs]).toEqual([undefined, 1]);
});

test("nothing is repaired where nothing was lost, and nothing runs while nobody reads", async () => {
  const clock = manualClock();
  const bus = memoryBus({ clock });
  const [one, two] = [await open(clock, { bus, repairMs: 100 }), await open(clock, { bus, repairMs: 100 })];
  for (let round = 0; round < 20; round++) {
    await one.set(`${round}`, "x");
    await two.get("0", async () => "y");
    await clock.advance(60);
  }
  await clock.advance(1_000);
  expect([one.report().repairs, two.report().repairs, clock.timersPending]).toEqual([0, 0, 0]);
});

test("who has left the bus hears nothing any more", async () => {
  const clock = manualClock();
  const bus = memoryBus({ clock });
  const [one, two] = [await open(clock, { bus }), await open(clock, { bus })];
  await two.set("a", "x");
  await clock.settle();
  await two[Symbol.asyncDispose]();
  await one.invalidate({ keys: ["a"] });
  await clock.settle();
  expect(two.peek("a")).toBe("x");
});

test("events invalidate what they name, by version where they carry one, and others do nothing", async () => {
  type Event =
    | { readonly type: "renamed"; readonly id: string; readonly version: number }
    | { readonly type: "cleared"; readonly team: string }
    | { readonly type: "seen" };
  const users = cache<{ team: string; v: number }>({
    entries: 9,
    tagsOf: ({ team }) => [team],
    versionOf: ({ v }) => v,
  });
  const hear = invalidateOn<{ team: string; v: number }, Event>(users, {
    renamed: ({ id, version }) => ({ target: { keys: [id] }, olderThan: version }),
    cleared: ({ team }) => (team === "" ? undefined : { target: { tags: [team] } }),
  });
  await users.set("1", { team: "red", v: 3 });
  await users.set("2", { team: "red", v: 1 });
  await hear({ type: "seen" });
  await hear({ type: "renamed", id: "1", version: 3 });
  await hear({ type: "renamed", id: "2", version: 3 });
  await hear({ type: "cleared", team: "" });
  expect([users.peek("1")?.v, users.peek("2")]).toEqual([3, undefined]);
  await hear({ type: "cleared", team: "red" });
  expect(users.peek("1")).toBe(undefined);
});
