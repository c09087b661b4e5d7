import { createHash } from "node:crypto";

import { openCache, type Cache } from "ashlar/cache";
import { redisBus, redisTier } from "ashlar/cache/redis";
import { openRedis } from "ashlar/drivers/redis";
import { limiter, tokenBucket } from "ashlar/limiter";
import { redisStore } from "ashlar/limiter/redis";
import { Redis } from "ioredis";

import { lanes, median, nanoseconds, type Figure, type Row } from "../frame.ts";
import { BareRedis, smallScript } from "../rivals/bare-redis.ts";
import { withRedis } from "../rivals/redis-server.ts";

const inFlight = 64;
const size = 10_000;
const ttlMs = 3_600_000;
const names = Array.from({ length: size }, (_, index) => `user:${index}`);
const nameOf = (index: number): string => names[(index * 7_919) % size] ?? "";

interface User {
  readonly id: string;
  readonly note: string;
}

const userOf = (id: string): User => ({ id, note: "x".repeat(160) });

// What runs once a turn is compiled for good after some ten thousand turns; until then a turn of 64 takes a third longer, a bare one an eighth.
const warmUpMs = 2_000;

/** Calls a second with 64 in flight: median of slices behind two seconds to warm up. Every call must end as it is meant to. */
async function rate(name: string, call: (index: number) => Promise<boolean>): Promise<Figure> {
  let [right, asked] = [0, 0];
  const counted = async (index: number): Promise<void> => {
    asked += 1;
    if (await call(index)) right += 1;
  };
  for (const untilMs = performance.now() + warmUpMs; performance.now() < untilMs;)
    await lanes(10_000, inFlight, counted);
  const found: number[] = [];
  for (let slice = 0; slice < 9; slice++) found.push(await lanes(60_000, inFlight, counted));
  if (right !== asked) throw new Error(`${name}: ${right} of ${asked} calls ended as they were meant to`);
  return { name, durability: "memory", value: median(found) };
}

function ours(keyOf: (index: number) => string): Promise<Figure> {
  return withRedis("nothing", async (port) => {
    await using database = await openRedis({ url: `redis://127.0.0.1:${port}` });
    const rules = [tokenBucket({ limit: 1e9, windowMs: ttlMs })];
    // A busy machine must not pass for a server that is down.
    const guard = { storeDown: "closed", storeTimeoutMs: 10_000 } as const;
    const limit = limiter({ name: "bench", rules, store: redisStore(database), ...guard });
    return await rate("Ashlar", async (index) => (await limit.take(keyOf(index))).judgedBy === "store");
  });
}

function flexible(name: string, keyOf: (index: number) => string, pipelining: "automatic" | "off"): Promise<Figure> {
  return withRedis("nothing", async (port) => {
    const { RateLimiterRedis } = await import("rate-limiter-flexible");
    const storeClient = new Redis({ port, enableAutoPipelining: pipelining === "automatic" });
    const limit = new RateLimiterRedis({ storeClient, points: 1e9, duration: 3_600 });
    const figure = await rate(name, async (index) => (await limit.consume(keyOf(index))).remainingPoints > 0);
    storeClient.disconnect();
    return figure;
  });
}

function bareScript(keyOf: (index: number) => string): Promise<Figure> {
  return withRedis("nothing", async (port) => {
    const sha = await loadSmallScript(port);
    const bare = await BareRedis.open(port, 1);
    const call = async (index: number): Promise<boolean> => {
      await bare.send("EVALSHA", sha, "1", keyOf(index), "1", "1000000000000", "1");
      return true;
    };
    const figure = await rate("EVALSHA of a small script, one socket, one write a turn", call);
    bare.close();
    return figure;
  });
}

/** The same for takes of one key: those of a turn are one call of the script, for so many permits. */
function mergedScript(): Promise<Figure> {
  return withRedis("nothing", async (port) => {
    const sha = await loadSmallScript(port);
    const bare = await BareRedis.open(port, 1);
    let waiting: (() => void)[] = [];
    const flush = async (): Promise<void> => {
      const group = waiting;
      waiting = [];
      await bare.send("EVALSHA", sha, "1", "hot", "1", "1000000000000", `${group.length}`);
      for (const answered of group) answered();
    };
    const call = async (): Promise<boolean> => {
      await new Promise<void>((resolve) => {
        if (waiting.push(resolve) === 1) process.nextTick(flush);
      });
      return true;
    };
    const figure = await rate("EVALSHA of a small script, one socket, one call of it a turn", call);
    bare.close();
    return figure;
  });
}

async function loadSmallScript(port: number): Promise<string> {
  const loader = new Redis({ port });
  await loader.script("LOAD", smallScript);
  loader.disconnect();
  return createHash("sha1").update(smallScript).digest("hex");
}

const limitRow = { better: "higher", unit: "takes/s", limitName: "takes/s, bare EVALSHA" } as const;

interface TakeRow {
  readonly path: string;
  readonly bar: number;
  readonly keyOf: (index: number) => string;
  readonly limit: () => Promise<Figure>;
}

function takeRow({ path, bar, keyOf, limit }: TakeRow): Row {
  return {
    ...limitRow,
    path,
    bar,
    ours: () => ours(keyOf),
    rivals: [
      () => flexible("rate-limiter-flexible 11.4, ioredis 5.11", keyOf, "off"),
      () => flexible("the same, automatic pipelining", keyOf, "automatic"),
    ],
    limit,
  };
}

async function openUsers(port: number, entries: number) {
  const stack = new AsyncDisposableStack();
  const database = stack.use(await openRedis({ url: `redis://127.0.0.1:${port}` }));
  const options = { entries, ttlMs, shared: redisTier(database), bus: redisBus(database) };
  const users: Cache<User> = stack.use(await openCache<User>(options));
  for (const name of names) await users.set(name, userOf(name));
  return { users, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

async function openBento(port: number, levels: "both" | "redis") {
  const { BentoCache, bentostore } = await import("bentocache");
  const { memoryDriver } = await import("bentocache/drivers/memory");
  const { redisBusDriver, redisDriver } = await import("bentocache/drivers/redis");
  const connection = { host: "127.0.0.1", port };
  const memory = memoryDriver({ maxItems: size, serialize: false });
  const first = levels === "both" ? bentostore().useL1Layer(memory) : bentostore();
  const store = first.useL2Layer(redisDriver({ connection })).useBus(redisBusDriver({ connection }));
  const users = new BentoCache({ default: "users", ttl: ttlMs, stores: { users: store } });
  for (const name of names) await users.set({ key: name, value: userOf(name) });
  return users;
}

const absent = (): Promise<User> => Promise.reject(new Error("every read is a hit"));

/** Nanoseconds of a read that memory answers, one after another. */
async function hits(name: string, read: (key: string) => Promise<User | undefined>): Promise<Figure> {
  const value = await nanoseconds(async (count) => {
    let right = 0;
    for (let index = 0; index < count; index++) if ((await read(nameOf(index)))?.note.length === 160) right++;
    if (right !== count) throw new Error(`${name}: ${right} of ${count} reads were hits`);
  });
  return { name, durability: "", value };
}

const memoryHit: Row = {
  path: "cache over Redis, hit in memory, awaited",
  better: "lower",
  unit: "ns",
  limitName: "",
  ours: () =>
    withRedis("nothing", async (port) => {
      await using opened = await openUsers(port, size);
      return await hits("Ashlar, get", (key) => opened.users.get(key, absent));
    }),
  rivals: [
    () =>
      withRedis("nothing", async (port) => {
        const users = await openBento(port, "both");
        const figure = await hits("bentocache 1.6, getOrSet", (key) => users.getOrSet({ key, factory: absent }));
        await users.disconnectAll();
        return figure;
      }),
  ],
};

const sharedHit: Row = {
  path: "cache over Redis, hit in Redis, 64 in flight",
  better: "higher",
  unit: "reads/s",
  limitName: "reads/s, bare GET",
  ours: () =>
    withRedis("nothing", async (port) => {
      // So little room that a key is gone from memory when it is asked for again.
      await using opened = await openUsers(port, 100);
      return await rate(
        "Ashlar, get",
        async (index) => (await opened.users.get(nameOf(index), absent))?.note.length === 160,
      );
    }),
  rivals: [
    () =>
      withRedis("nothing", async (port) => {
        const users = await openBento(port, "redis");
        const read = (index: number): Promise<User> => users.getOrSet({ key: nameOf(index), factory: absent });
        const figure = await rate("bentocache 1.6, getOrSet", async (index) => (await read(index)).note.length === 160);
        await users.disconnectAll();
        return figure;
      }),
  ],
  limit: () =>
    withRedis("nothing", async (port) => {
      const writer = new Redis({ port });
      await Promise.all(names.map((name) => writer.set(name, JSON.stringify(userOf(name)))));
      writer.disconnect();
      const bare = await BareRedis.open(port, 2);
      const read = async (index: number): Promise<boolean> => {
        await bare.send("GET", nameOf(index));
        return true;
      };
      const figure = await rate("GET, one socket, one write a turn", read);
      bare.close();
      return figure;
    }),
};

/** What limits and caches cost on a Redis of their own that keeps nothing. */
export const onRedis: readonly Row[] = [
  takeRow({
    path: "limiter on Redis, 10,000 keys, 64 in flight",
    bar: 115_000,
    keyOf: nameOf,
    limit: () => bareScript(nameOf),
  }),
  takeRow({
    path: "limiter on Redis, one hot key, 64 in flight",
    bar: 800_000,
    keyOf: () => "hot",
    limit: mergedScript,
  }),
  memoryHit,
  sharedHit,
];
