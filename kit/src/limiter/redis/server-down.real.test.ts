import { beforeEach, expect, test } from "vitest";
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
import { limiter, tokenBucket } from "../mod.ts";
import { everyKind, exerciseServerStore, hourly, hourMs, kindOf } from "../server-store.test-scenarios.ts";
import { redisStore } from "./mod.ts";

beforeEach(needsServer);
beforeEach(needsProgram);

async function withKeys(work: (database: RedisDatabase, prefix: string) => Promise<void>): Promise<void> {
  await using database = await openRedis({ url: serverUrl });
  const prefix = freshPrefix();
  try {
    await work(database, prefix);
  } finally {
    await dropKeys(database, prefix);
  }
}

exerciseServerStore(
  "redis",
  {
    shared: async () => {
      const stack = new AsyncDisposableStack();
      const prefix = freshPrefix();
      const first = stack.use(await openRedis({ url: serverUrl }));
      stack.defer(() => dropKeys(first, prefix));
      return {
        open: async (clock) =>
          redisStore(
            stack.use(await openRedis({ url: serverUrl })),
            clock === undefined ? { prefix } : { prefix, clock },
          ),
        openWatched: async () => {
          const proxy = stack.use(await cuttingProxy());
          const database = stack.use(await openRedis({ url: proxy.url }));
          return { store: redisStore(database, { prefix }), requests: proxy.requests };
        },
        [Symbol.asyncDispose]: () => stack.disposeAsync(),
      };
    },
    own: async () => {
      const stack = new AsyncDisposableStack();
      const server = stack.use(await startServer());
      const database = stack.use(await openRedis({ url: server.url, connectMaxMs: 500, answerMaxMs: 1_000 }));
      return {
        store: redisStore(database),
        kill: () => server.kill(),
        start: () => server.start(),
        pause: () => server.pause(),
        resume: () => server.resume(),
        [Symbol.asyncDispose]: () => stack.disposeAsync(),
      };
    },
    remembers: "nothing",
  },
  { test },
);

test("every key but that of the time goes by itself", () =>
  withKeys(async (database, prefix) => {
    const windowMs = 300;
    const store = redisStore(database, { prefix });
    const guard = { storeDown: "closed", storeTimeoutMs: 60_000 } as const;
    const limit = limiter({ name: "api", rules: everyKind(windowMs), store, ...guard });
    expect((await limit.take("ada", { cost: 2 })).allowed).toBe(true);
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
  }));

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
