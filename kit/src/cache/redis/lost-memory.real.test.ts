import { beforeEach, expect, test } from "vitest";
import { systemClock } from "../../clock/mod.ts";
import { openRedis, type RedisDatabase } from "../../drivers/redis/mod.ts";
import {
  cuttingProxy,
  dropKeys,
  freshPrefix,
  needsProgram,
  needsServer,
  serverUrl,
  startServer,
} from "../../drivers/redis/server.test-redis.ts";
import { seededRandom } from "../../random/mod.ts";
import { openCache, type SharedEntry, type SharedTier } from "../mod.ts";
import { redisBus, redisTier } from "./mod.ts";

beforeEach(needsProgram);

const lease = { forMs: 60_000, of: "missing-or-stale" } as const;
const minuteMs = 60_000;

function entryOf(body: string, tags: readonly string[] = []): SharedEntry {
  return { body, freshMs: minuteMs, keptMs: 2 * minuteMs, tags, version: undefined };
}

async function kindsOf(tier: SharedTier, ...keys: readonly string[]): Promise<readonly string[]> {
  return (await tier.read(keys)).map((read) => (read.kind === "found" ? (read.entry.body ?? "none") : read.kind));
}

async function until(wanted: () => boolean | Promise<boolean>): Promise<void> {
  const untilMs = systemClock.monotonic() + 10_000;
  while (!(await wanted())) {
    if (systemClock.monotonic() > untilMs) throw new Error("it did not come to pass");
    await systemClock.sleep(5);
  }
}

async function answers(database: RedisDatabase): Promise<void> {
  await until(async () => (await database.health()).status === "up");
}

test("a server that comes back with what it had before an invalidation shows nothing of it, whichever client asks first", async () => {
  await using server = await startServer();
  await using one = await openRedis({ url: server.url });
  await using two = await openRedis({ url: server.url });
  const [first, second] = [redisTier(one), redisTier(two)];
  await first.write("a", entryOf("old", ["t"]));
  await first.write("b", entryOf("old"));
  const [pending] = await second.read(["c"], lease);
  expect(await kindsOf(second, "a", "b")).toEqual(["old", "old"]);
  await one.send(["SAVE"]);
  await first.invalidate({ target: { tags: ["t"] }, mode: "hard", olderThan: undefined });
  await first.invalidate({ target: { keys: ["b"] }, mode: "hard", olderThan: undefined });
  await server.kill();
  await server.start();
  await Promise.all([answers(one), answers(two)]);
  // The entries are back, and what invalidated them is not.
  expect(await one.send(["EXISTS", "cache:entry:a", "cache:entry:b"])).toBe(2);
  expect(await kindsOf(second, "a", "b")).toEqual(["missing", "missing"]);
  expect(await kindsOf(first, "a", "b")).toEqual(["missing", "missing"]);
  // Nor does a load that began in the server's last life bring anything back.
  const token = pending?.kind === "missing" ? (pending.token ?? "") : "";
  expect(token).not.toBe("");
  expect(await second.fill("c", token, entryOf("old"))).toBe("refused");
  await first.write("a", entryOf("new", ["t"]));
  expect(await kindsOf(second, "a")).toEqual(["new"]);
});

test("a replica that took over, and may lack the last invalidations, shows nothing from before", async () => {
  await using primary = await startServer("--repl-diskless-sync-delay", "0");
  await using replica = await startServer();
  await using there = await openRedis({ url: replica.url });
  {
    await using here = await openRedis({ url: primary.url });
    await redisTier(here).write("a", entryOf("old"));
    await there.send(["REPLICAOF", "127.0.0.1", `${primary.port}`]);
    await until(async () => (await there.send(["EXISTS", "cache:entry:a"])) === 1);
  }
  await primary.kill();
  await there.send(["REPLICAOF", "NO", "ONE"]);
  const tier = redisTier(there);
  expect(await kindsOf(tier, "a")).toEqual(["missing"]);
  await tier.write("a", entryOf("new"));
  expect(await kindsOf(tier, "a")).toEqual(["new"]);
});

test("when the server drops what says which tags were invalidated, or the era itself, all is gone, and it goes on from there", async () => {
  await using server = await startServer();
  await using database = await openRedis({ url: server.url });
  const tier = redisTier(database);
  for (const lost of ["cache:hard", "cache:soft", "cache:era"]) {
    await tier.write("a", entryOf("old", ["t"]));
    await tier.write("plain", entryOf("old"));
    await tier.invalidate({
      target: { tags: ["t"] },
      mode: lost === "cache:soft" ? "soft" : "hard",
      olderThan: undefined,
    });
    expect(await database.send(["DEL", lost])).toBe(1);
    expect(await kindsOf(tier, "a", "plain")).toEqual(["missing", "missing"]);
    await tier.write("a", entryOf("new", ["t"]));
    expect(await kindsOf(tier, "a")).toEqual(["new"]);
  }
});

test(
  "a server that evicts at random never shows what was invalidated: 3,000 steps against what is known",
  { timeout: 60_000 },
  async () => {
    await using server = await startServer("--maxmemory-policy", "allkeys-random");
    await using database = await openRedis({ url: server.url });
    const tier = redisTier(database);
    // The server then holds the script.
    await tier.read(["none"]);
    const used = Number(/used_memory:(\d+)/.exec(String(await database.send(["INFO", "memory"])))?.[1]);
    await database.send(["CONFIG", "SET", "maxmemory", `${used + 250_000}`]);
    const random = seededRandom("eviction");
    const oldest = new Map<string, number>();
    const marks = new Map<string, number>();
    const filling = "x".repeat(2_000);
    let found = 0;
    for (let step = 1; step <= 3_000; step++) {
      const [key, tag] = [`k${random.integer(0, 300)}`, `t${random.integer(0, 80)}`];
      const chance = random.next();
      // The body says when it was written, and with which tag.
      if (chance < 0.4) await tier.write(key, entryOf(`${step} ${tag} ${filling}`, [tag]));
      else if (chance < 0.45) {
        await tier.invalidate({ target: { tags: [tag] }, mode: "hard", olderThan: undefined });
        marks.set(tag, step);
      } else if (chance < 0.5) {
        await tier.invalidate({ target: { keys: [key] }, mode: "hard", olderThan: undefined });
        oldest.set(key, step);
      } else {
        const [read] = await tier.read([key]);
        if (read?.kind !== "found") continue;
        found += 1;
        const [written = "0", of = ""] = (read.entry.body ?? "").split(" ");
        expect(Number(written)).toBeGreaterThan(Math.max(oldest.get(key) ?? 0, marks.get(of) ?? 0));
      }
    }
    const stats = String(await database.send(["INFO", "stats"]));
    expect(Number(/evicted_keys:(\d+)/.exec(stats)?.[1])).toBeGreaterThan(100);
    expect(found).toBeGreaterThan(50);
  },
);

test("of more tags than tagsMax the oldest are forgotten, and what carried any tag before counts as invalidated", async () => {
  await using server = await startServer();
  await using database = await openRedis({ url: server.url });
  const tier = redisTier(database, { tagsMax: 2 });
  await tier.write("tagged", entryOf("x", ["t"]));
  await tier.write("plain", entryOf("x"));
  for (const tag of ["1", "2", "3"])
    await tier.invalidate({ target: { tags: [tag] }, mode: "hard", olderThan: undefined });
  expect(await kindsOf(tier, "tagged", "plain")).toEqual(["missing", "x"]);
  expect(await database.send(["ZCARD", "cache:hard"])).toBe(2);
});

test("by the server's own time entries end, and every key goes by itself", async () => {
  await using server = await startServer();
  await using database = await openRedis({ url: server.url });
  const tier = redisTier(database);
  await tier.write("a", { ...entryOf("x", ["t"]), freshMs: 100, keptMs: 400 });
  await tier.read(["loading"], { forMs: 200, of: "any" });
  await tier.invalidate({ target: { tags: ["other"] }, mode: "hard", olderThan: undefined });
  await tier.invalidate({ target: { tags: ["other"] }, mode: "soft", olderThan: undefined });
  await redisBus(database).publish({ source: "x", target: { all: "entries" }, mode: "hard", olderThan: undefined });
  const keys = (await database.send(["KEYS", "*"])) as readonly string[];
  expect(keys.toSorted()).toEqual(
    ["changes", "entry:a", "entry:loading", "era", "hard", "soft"].map((name) => `cache:${name}`),
  );
  for (const key of keys) expect(Number(await database.send(["PTTL", key]))).toBeGreaterThan(0);
  await systemClock.sleep(150);
  expect((await tier.read(["a"]))[0]).toMatchObject({ kind: "found", entry: { body: "x" } });
  await until(async () => (await kindsOf(tier, "a"))[0] === "missing");
  await until(async () => (await database.send(["EXISTS", "cache:entry:a", "cache:entry:loading"])) === 0);
});

test("a count that the server lost goes on elsewhere, so that everybody who listens notices", async () => {
  await using server = await startServer();
  await using database = await openRedis({ url: server.url });
  const bus = redisBus(database);
  const message = { source: "x", target: { keys: ["a"] }, mode: "hard", olderThan: undefined } as const;
  const before = await bus.publish(message);
  expect(await bus.publish(message)).toBe(before + 1);
  await database.send(["DEL", "cache:changes"]);
  expect(await bus.latest()).toBeGreaterThan(before + 2);
  const later = await bus.publish(message);
  await database.send(["SAVE"]);
  await bus.publish(message);
  await server.kill();
  await server.start();
  await answers(database);
  // The saved count would have given the number of the message after it a second time.
  expect(await bus.latest()).toBeGreaterThan(later + 1);
});

test("two caches on one server: what one invalidates the other drops, also when its connection was cut meanwhile", async (context) => {
  await needsServer(context);
  await using direct = await openRedis({ url: serverUrl });
  await using proxy = await cuttingProxy();
  await using behind = await openRedis({ url: proxy.url });
  const prefix = freshPrefix();
  const base = { entries: 100, ttlMs: minuteMs, repairMs: 50, sharedRetryMs: 0 };
  const sharing = (database: RedisDatabase) => ({
    shared: redisTier(database, { prefix }),
    bus: redisBus(database, { channel: `${prefix}changes` }),
  });
  try {
    await using one = await openCache<string>({ ...base, ...sharing(direct) });
    await using two = await openCache<string>({ ...base, ...sharing(behind) });
    await one.set("a", "old");
    // The message about the write may come behind the first read.
    await until(async () => (await two.get("a")) === "old" && two.peek("a") === "old");
    await one.invalidate({ keys: ["a"] });
    await until(() => two.peek("a") === undefined);
    await one.set("a", "old");
    await until(async () => (await two.get("a")) === "old");
    proxy.cutAll();
    await one.set("a", "new");
    await until(async () => (await two.get("a")) === "new");
    expect(await two.get("a")).toBe("new");
  } finally {
    await dropKeys(direct, prefix);
  }
});

test("while the server is away a cache loads by itself, and refuses to say that it invalidated for all", async () => {
  await using server = await startServer();
  await using database = await openRedis({ url: server.url, connectMaxMs: 500 });
  const options = { shared: redisTier(database), bus: redisBus(database), sharedTimeoutMs: 500, sharedRetryMs: 10 };
  await using users = await openCache<string>({ entries: 100, ttlMs: minuteMs, ...options });
  expect(await users.get("a", async () => "first")).toBe("first");
  await server.kill();
  expect(await users.get("b", async () => "loaded")).toBe("loaded");
  await expect(users.invalidate({ keys: ["a"] })).rejects.toMatchObject({ code: expect.stringContaining("SHARED") });
  expect(users.peek("a")).toBeUndefined();
  await server.start();
  await answers(database);
  await users.invalidate({ keys: ["a"] });
  expect(await users.get("a", async () => "second")).toBe("second");
});
