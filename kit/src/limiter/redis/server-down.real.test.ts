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
import {
  concurrency,
  type Decision,
  fixedWindow,
  leakyBucket,
  type Limiter,
  limiter,
  type LimiterStore,
  slidingLog,
  slidingWindow,
  tokenBucket,
} from "../mod.ts";
import { redisStore } from "./mod.ts";

beforeEach(needsServer);
beforeEach(needsProgram);

const hourMs = 3_600_000;
const kindOf = (decision: Decision): string => (decision.allowed ? `passes by ${decision.judgedBy}` : decision.reason);

function hourly(store: LimiterStore, limit: number): Limiter {
  const rules = [tokenBucket({ limit, windowMs: hourMs })];
  return limiter({ name: "api", rules, store, storeDown: "closed", storeTimeoutMs: 60_000 });
}

async function withKeys(work: (database: RedisDatabase, prefix: string) => Promise<void>): Promise<void> {
  await using database = await openRedis({ url: serverUrl });
  const prefix = freshPrefix();
  try {
    await work(database, prefix);
  } finally {
    await dropKeys(database, prefix);
  }
}

/** Asks until it is judged as wanted, for ten seconds at most. */
async function until(wanted: string, ask: () => Promise<Decision>): Promise<void> {
  const untilMs = systemClock.monotonic() + 10_000;
  let last = "";
  while (last !== wanted && systemClock.monotonic() < untilMs) {
    last = kindOf(await ask());
    await systemClock.sleep(10);
  }
  expect(last).toBe(wanted);
}

test("by the server's own time limits recover, and every key but that of the time goes by itself", () =>
  withKeys(async (database, prefix) => {
    const store = redisStore(database, { prefix });
    const windowMs = 300;
    const rules = [
      tokenBucket({ limit: 3, windowMs }),
      leakyBucket({ limit: 3, windowMs, queueMax: 2 }),
      fixedWindow({ limit: 3, windowMs }),
      slidingWindow({ limit: 3, windowMs }),
      slidingLog({ limit: 3, windowMs }),
      concurrency({ limit: 3, leaseMs: windowMs, counts: "cost" }),
    ];
    const limit = limiter({ name: "api", rules, store, storeDown: "closed", storeTimeoutMs: 60_000 });
    expect((await limit.take("ada", { cost: 2 })).allowed).toBe(true);
    const refused = await limit.take("ada", { cost: 2 });
    expect(refused).toMatchObject({ allowed: false, reason: "limit" });
    const [, keys] = (await database.send(["SCAN", "0", "MATCH", `${prefix}*`, "COUNT", "100000"])) as [
      string,
      string[],
    ];
    expect(keys.length).toBeGreaterThanOrEqual(9);
    for (const key of keys.filter((name) => !name.endsWith("time"))) {
      const lifeMs = Number(await database.send(["PTTL", key]));
      expect(lifeMs).toBeGreaterThan(0);
      expect(lifeMs).toBeLessThan(2_000 + 2 * windowMs + 10);
    }
    await systemClock.sleep(2 * windowMs);
    expect((await limit.take("ada", { cost: 2 })).allowed).toBe(true);
  }));

test("takes of one turn are one write to the server, and equal ones behind one another hardly more than one of them", () =>
  withKeys(async (_, prefix) => {
    await using proxy = await cuttingProxy();
    await using database = await openRedis({ url: proxy.url });
    const limit = hourly(redisStore(database, { prefix }), 40);
    await limit.take("warm");
    const before = proxy.requests.length;
    const decisions = await Promise.all(Array.from({ length: 64 }, () => limit.take("hot")));
    expect(decisions.map(({ allowed }) => allowed)).toEqual(decisions.map((_each, index) => index < 40));
    const sent = proxy.requests.slice(before);
    expect(sent).toHaveLength(1);
    expect(sent[0]?.length).toBeLessThan(600);
  }));

test("permits are as many whoever asks: stores that take at once over connections of their own pass the limit between them exactly", () =>
  withKeys(async (database, prefix) => {
    const others = await Promise.all([1, 2, 3].map(() => openRedis({ url: serverUrl })));
    try {
      const limiters = [database, ...others].map((each) => {
        const rules = [slidingLog({ limit: 500, windowMs: hourMs }), tokenBucket({ limit: 700, windowMs: hourMs })];
        return limiter({
          name: "api",
          rules,
          store: redisStore(each, { prefix }),
          storeDown: "closed",
          storeTimeoutMs: 60_000,
        });
      });
      const taken = limiters.map(async (limit) => {
        let passed = 0;
        for (let turn = 0; turn < 20; turn++) {
          const decisions = await Promise.all(Array.from({ length: 10 }, () => limit.take("all")));
          passed += decisions.filter(({ allowed }) => allowed).length;
        }
        return passed;
      });
      expect((await Promise.all(taken)).reduce((sum, each) => sum + each, 0)).toBe(500);
    } finally {
      await Promise.all(others.map((each) => each[Symbol.asyncDispose]()));
    }
  }));

test("while the server is away the limiter decides as it was told to; it comes back, and its limits begin anew without persistence", async () => {
  await using server = await startServer();
  await using database = await openRedis({ url: server.url, connectMaxMs: 500, answerMaxMs: 1_000 });
  const store = redisStore(database);
  const common = { name: "api", rules: [tokenBucket({ limit: 2, windowMs: hourMs })], store };
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
  await until("passes by store", () => closed.take("ada"));
  expect(kindOf(await closed.take("ada"))).toBe("passes by store");
  expect(kindOf(await closed.take("ada"))).toBe("limit");
});

test("a server that hangs counts as down once the limiter has waited long enough", async () => {
  await using server = await startServer();
  await using database = await openRedis({ url: server.url, answerMaxMs: 1_000 });
  const rules = [tokenBucket({ limit: 2, windowMs: hourMs })];
  const limit = limiter({
    name: "api",
    rules,
    store: redisStore(database),
    storeDown: "closed",
    storeTimeoutMs: 300,
    coolDownMs: 50,
  });
  expect(kindOf(await limit.take("ada"))).toBe("passes by store");
  server.pause();
  expect(kindOf(await limit.take("ada"))).toBe("store-down");
  server.resume();
  await until("limit", () => limit.take("ada"));
});

test("a server without memory is a failure, not a refusal, and nothing of the batch was taken", async () => {
  await using server = await startServer();
  await using database = await openRedis({ url: server.url });
  const store = redisStore(database);
  const limit = hourly(store, 2);
  await limit.take("ada");
  await database.send(["CONFIG", "SET", "maxmemory", "100000"]);
  await expect(store.decide([{ op: "take", targets: targets(2), cost: 1, weight: 1, id: "" }])).rejects.toMatchObject({
    code: "REDIS",
    reason: "full",
  });
  expect(kindOf(await limit.take("bob"))).toBe("store-down");
  await database.send(["CONFIG", "SET", "maxmemory", "0"]);
  const again = hourly(store, 2);
  expect([kindOf(await again.take("ada")), kindOf(await again.take("ada"))]).toEqual(["passes by store", "limit"]);
});

function targets(limit: number) {
  const rule = tokenBucket({ limit, windowMs: hourMs });
  return [{ placed: { rule, space: `api/token-bucket/token-bucket:${limit}:${hourMs}:${limit}` }, key: "ada" }];
}

test("a script that the server has forgotten is sent again, and the take counts once", () =>
  withKeys(async (_, prefix) => {
    await using server = await startServer();
    await using database = await openRedis({ url: server.url });
    const limit = hourly(redisStore(database, { prefix }), 3);
    await limit.take("ada");
    await database.send(["SCRIPT", "FLUSH"]);
    const [second, third, fourth] = [await limit.take("ada"), await limit.take("ada"), await limit.take("ada")];
    expect([second, third, fourth].map(kindOf)).toEqual(["passes by store", "passes by store", "limit"]);
  }));
