import { beforeEach, describe, expect, test } from "vitest";
import { manualClock, systemClock } from "../../clock/mod.ts";
import { programs, startCluster } from "../../drivers/postgres/cluster.test-postgres.ts";
import { openPostgres } from "../../drivers/postgres/mod.ts";
import {
  cuttingProxy,
  dropSchema,
  freshSchema,
  needsServer,
  openFresh,
  serverUrl,
} from "../../drivers/postgres/server.test-postgres.ts";
import { fixedWindow, limiter, slidingLog, type StoreCall, tokenBucket } from "../mod.ts";
import { exerciseServerStore, hourly, hourMs, kindOf } from "../server-store.test-scenarios.ts";
import { openPostgresStore } from "./mod.ts";

const bin = programs();

/** A take of one permit of the key's five. */
function takeOf(key: string): StoreCall {
  const placed = { rule: tokenBucket({ limit: 5, windowMs: hourMs }), space: "api/token-bucket/five" };
  return { op: "take", targets: [{ placed, key }], cost: 1, weight: 1, id: "" };
}

beforeEach(needsServer);

describe.skipIf(bin === undefined)(
  "PostgreSQL (its programs are under /usr/lib/postgresql)",
  { timeout: 60_000 },
  () => {
    exerciseServerStore(
      "postgres",
      {
        shared: async () => {
          const stack = new AsyncDisposableStack();
          const schema = freshSchema();
          stack.defer(() => dropSchema(schema));
          return {
            open: async (clock) =>
              stack.use(await openPostgresStore({ url: serverUrl, schema, ...(clock === undefined ? {} : { clock }) })),
            openWatched: async () => {
              const proxy = stack.use(await cuttingProxy());
              const store = stack.use(await openPostgresStore({ url: proxy.url, schema }));
              return { store, requests: proxy.requests };
            },
            [Symbol.asyncDispose]: () => stack.disposeAsync(),
          };
        },
        own: async () => {
          const stack = new AsyncDisposableStack();
          const cluster = stack.use(await startCluster(bin ?? ""));
          const options = { url: cluster.url, connectMaxMs: 500, answerMaxMs: 1_000, durability: "disk" } as const;
          const store = stack.use(await openPostgresStore(options));
          return {
            store,
            kill: () => cluster.stop("immediate"),
            start: () => cluster.start(),
            pause: () => cluster.pause(),
            resume: () => cluster.resume(),
            [Symbol.asyncDispose]: () => stack.disposeAsync(),
          };
        },
        remembers: "everything",
      },
      { test },
    );

    test("batches about the same keys in opposite orders, new ones and known ones, never wait for one another in a circle", async () => {
      await using cluster = await startCluster(bin ?? "");
      const stores = await Promise.all([1, 2, 3, 4].map(() => openPostgresStore({ url: cluster.url })));
      let granted = 0;
      for (let round = 0; round < 40; round++) {
        // Half of the keys are those of the last round.
        const keys = Array.from({ length: 60 }, (_, index) => `key ${round * 30 + index}`);
        const answers = stores.map((store, place) => {
          const ordered = place % 2 === 0 ? keys : keys.toReversed();
          return store.decide(ordered.map((key) => takeOf(key)));
        });
        granted += (await Promise.all(answers)).flat().filter(({ kind }) => kind === "granted").length;
      }
      // Who leaves says what has befallen it.
      await Promise.all(stores.map((store) => store[Symbol.asyncDispose]()));
      await using admin = await openPostgres({ url: cluster.url });
      const { rows } = await admin.query("select sum(deadlocks)::int as circles from pg_stat_database");
      expect(rows).toEqual([{ circles: 0 }]);
      // Sixty keys were asked for in one round only, by four.
      expect(granted).toBe(1_170 * 5 + 60 * 4);
    });

    test("`process` does not wait for the disk and the standby, `disk` does", async () => {
      await using cluster = await startCluster(bin ?? "");
      const { url } = cluster;
      await using fast = await openPostgresStore({ url });
      await using safe = await openPostgresStore({ url, durability: "disk", answerMaxMs: 1_000 });
      await using admin = await openPostgres({ url });
      const [take, takeSafely] = [fast, safe].map((store) => {
        const rules = [tokenBucket({ limit: 5, windowMs: hourMs })];
        const limit = limiter({ name: store === fast ? "fast" : "safe", rules, store, storeDown: "closed" });
        return async () => kindOf(await limit.take("ada"));
      });
      expect(await takeSafely?.()).toBe("passes by store");
      // From now on whoever waits for a commit to be safe waits for a standby that never comes.
      await admin.query("alter system set synchronous_standby_names = 'nobody'");
      await admin.query("select pg_reload_conf()");
      await systemClock.sleep(500);
      expect(await take?.()).toBe("passes by store");
      expect(await takeSafely?.()).toBe("store-down");
    });
  },
);

test("states and entries that have recovered are swept as new keys come, so that the tables stay small", async () => {
  await using database = await openFresh();
  const clock = manualClock();
  await using store = await openPostgresStore({ url: serverUrl, schema: database.schema, clock });
  const rules = [tokenBucket({ limit: 5, windowMs: 1_000 }), slidingLog({ limit: 5, windowMs: 1_000 })];
  const limit = limiter({ name: "api", rules, store, storeDown: "closed", storeTimeoutMs: 60_000 });
  for (let minute = 0; minute < 8; minute++) {
    // Batches of their own, so that none has to wait for a later turn of the manual clock.
    const taken = Array.from({ length: 50 }, (_, key) => limit.take(`${minute} ${key}`));
    expect((await Promise.all(taken)).every(({ allowed }) => allowed)).toBe(true);
    await clock.advance(70_000);
  }
  const { rows } = await database.query(
    `select (select count(*)::int from ${database.schema}.ashlar_limiter_state) as states,
      (select count(*)::int from ${database.schema}.ashlar_limiter_entry) as entries`,
  );
  expect(rows).toEqual([{ states: 100, entries: 50 }]);
});

test("a refused take of a key that nobody knows writes nothing", async () => {
  await using database = await openFresh();
  await using store = await openPostgresStore({ url: serverUrl, schema: database.schema });
  const rules = [
    tokenBucket({ limit: 5, windowMs: hourMs }),
    fixedWindow({ name: "all", limit: 1, windowMs: hourMs, per: "everyone" }),
  ];
  const limit = limiter({ name: "api", rules, store, storeDown: "closed", storeTimeoutMs: 60_000 });
  await limit.take("ada");
  const written = () => database.query(`select xmin::text, * from ${database.schema}.ashlar_limiter_state`);
  const before = await written();
  expect((await Promise.all(["bob", "eve"].map((key) => limit.take(key)))).map(kindOf)).toEqual(["limit", "limit"]);
  expect((await written()).rows).toEqual(before.rows);
});

test("keys of any text are kept apart", async () => {
  await using database = await openFresh();
  await using store = await openPostgresStore({ url: serverUrl, schema: database.schema });
  const limit = hourly(store, 1);
  const keys = ["a\0b", "a\\0b", "a\\\\0b", "a'b", "a|b", '{"a"}', "", "é😀", "x".repeat(512), "😀".repeat(256)];
  const kinds = [];
  for (const key of [...keys, ...keys]) kinds.push(kindOf(await limit.take(key)));
  expect(kinds).toEqual([...keys.map(() => "passes by store"), ...keys.map(() => "limit")]);
});
