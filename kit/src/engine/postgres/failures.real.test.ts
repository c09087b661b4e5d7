import { beforeEach, describe, expect, test } from "vitest";
import { systemClock } from "../../clock/mod.ts";
import { openPostgres } from "../../drivers/postgres/mod.ts";
import { programs, startCluster } from "../../drivers/postgres/cluster.test-postgres.ts";
import type { Cut } from "../../drivers/cutting-proxy.test-server.ts";
import {
  cuttingProxy,
  dropSchema,
  freshSchema,
  needsServer,
  serverUrl,
} from "../../drivers/postgres/server.test-postgres.ts";
import { type OpenOn, withEngines as withEnginesOn } from "../fixture.test-engine.ts";
import type { Change, CommitResult } from "../mod.ts";
import { added, exerciseAway, exerciseRestarts } from "../sharing.test-engine.ts";
import { freshPlace } from "./data.test-engine.ts";
import { openPostgresEngine, type PostgresEngine, type PostgresEngineOptions } from "./mod.ts";

beforeEach(needsServer);

/** Runs the test with engines on one schema, which are closed at the end. */
function withEngines(
  run: (open: OpenOn<PostgresEngine, PostgresEngineOptions>, schema: string) => Promise<void>,
): Promise<void> {
  const place = freshPlace();
  return withEnginesOn(place, (open) => run(open, place.schema));
}

function append(stream: string, data: string, expected: number | "any" = "any"): Change {
  return { op: "append", log: "ledger", stream, expected, events: [{ type: "Noted", data }] };
}

const nothing = (): Promise<void> => Promise.resolve();

describe("scenarios 7 and 8: a connection that is cut", { timeout: 60_000 }, () => {
  const cuts: readonly Cut[] = ["cut before the request", "cut before the answer"];
  // Quick: one round trip, in which COMMIT is. With care: locks and reads go first, and the second round trip has COMMIT.
  const lists: Readonly<Record<string, (n: number) => Change[]>> = {
    quick: (n) => [
      { op: "enqueue", queue: "jobs", messages: [{ body: `quick-body-${n}` }] },
      append(`quick-${n}`, "x", 0),
      { op: "put", cell: { space: "s", key: `q${n}` }, expect: "absent", value: "v" },
      { op: "put", cell: { space: "t", key: `q${n}` }, expect: "any", value: "v" },
    ],
    careful: (n) => [
      {
        op: "enqueue",
        queue: "jobs",
        messages: [{ body: `careful-body-${n}`, dedup: { key: `careful-key-${n}`, forMs: 60_000 } }],
      },
      append(`careful-${n}`, "x", 0),
    ],
  };
  for (const [kind, list] of Object.entries(lists))
    for (const cut of cuts)
      for (const nth of kind === "quick" ? [1] : [1, 2])
        test(`${kind}, ${cut} ${nth}: applied once, and the caller has the truth`, () =>
          withEngines(async (open) => {
            await using proxy = await cuttingProxy();
            const engine = await open({ url: proxy.url });
            await engine.commit(list(0));
            await engine.commit(list(1));
            let requests = 0;
            // Only what the list itself sends: the bell of the one before rings on another connection.
            proxy.next(cut, (bytes) => bytes.includes(`${kind}-`) && ++requests === nth);
            const result = await engine.commit(list(2));
            expect(requests).toBe(nth);
            const direct = await open();
            const { events } = await direct.read({ log: "ledger", after: 0, limit: 9 });
            expect(events.map(({ stream }) => stream)).toEqual([`${kind}-0`, `${kind}-1`, `${kind}-2`]);
            const stored = await Array.fromAsync(direct.scan({ kind: "messages", queue: "jobs" }));
            expect(stored).toHaveLength(3);
            // What the lost answer said is known all the same.
            expect(added(result)).toEqual([stored[2]?.id]);
            const outcomes = result.committed ? result.outcomes : [];
            expect(outcomes[1]).toEqual({ op: "append", version: 1, position: 3 });
            for (const [index, space] of ["s", "t"].entries()) {
              const [cell] = await direct.get([{ space, key: "q2" }]);
              if (kind === "quick") expect(outcomes[2 + index]).toEqual({ op: "put", version: cell?.version });
            }
            expect(await direct.verify()).toEqual([]);
          }));
});

describe("two groups, one sent behind the other", { timeout: 60_000 }, () => {
  const count = 32;
  const place = (n: number): Change[] => [
    append(`placed-${n}`, String(n), 0),
    { op: "enqueue", queue: "jobs", messages: [{ body: String(n) }] },
  ];

  /** An engine that knows the names, and so needs one round trip a group. */
  async function warm(engine: PostgresEngine): Promise<PostgresEngine> {
    for (const n of [-2, -1]) await engine.commit(place(n));
    return engine;
  }

  /** All are applied once and in the order of the calls, and each caller was told where. */
  async function expectInOrder(engine: PostgresEngine, results: readonly CommitResult[]): Promise<void> {
    const { events } = await engine.read({ log: "ledger", after: 0, limit: 99 });
    const expected = results.flatMap((result, n) => (result.committed ? [String(n)] : []));
    expect(events.map(({ data }) => data)).toEqual(["-2", "-1", ...expected]);
    const told = results.flatMap((result) => (result.committed ? [result.outcomes[0]] : []));
    expect(told).toEqual(events.slice(2).map(({ position }) => ({ op: "append", version: 1, position })));
    const stored = await Array.fromAsync(engine.scan({ kind: "messages", queue: "jobs" }));
    expect(results.flatMap((result) => (result.committed ? added(result) : []))).toEqual(
      stored.slice(2).map(({ id }) => id),
    );
    expect(await engine.verify()).toEqual([]);
  }

  const cuts: readonly Cut[] = ["cut before the request", "cut before the answer", "cut behind the answers"];
  for (const cut of cuts)
    for (const nth of [1, 2])
      test(`${cut} ${nth}: each is applied once, in order, and its caller has the truth`, () =>
        withEngines(async (open) => {
          await using proxy = await cuttingProxy();
          const engine = await warm(await open({ url: proxy.url }));
          let requests = 0;
          proxy.next(cut, (bytes) => bytes.includes("placed-") && ++requests === nth);
          const results = await Promise.all(Array.from({ length: count }, (_, n) => engine.commit(place(n))));
          expect(requests).toBe(nth);
          expect(results.filter(({ committed }) => committed)).toHaveLength(count);
          await expectInOrder(await open(), results);
        }));

  for (const nth of [0, 9, count - 1])
    test(`what is not as call ${nth} expects is refused to that call, and all others keep their order`, () =>
      withEngines(async (open) => {
        const engine = await warm(await open());
        const changes = (n: number): Change[] => (n === nth ? [append("s", "x", 7)] : place(n));
        const results = await Promise.all(Array.from({ length: count }, (_, n) => engine.commit(changes(n))));
        expect(results.flatMap(({ committed }, n) => (committed ? [] : [n]))).toEqual([nth]);
        await expectInOrder(engine, results);
      }));

  test("what needs care goes alone, and the others keep their order around it", () =>
    withEngines(async (open) => {
      const engine = await warm(await open());
      const careful = (n: number): Change[] => [
        append(`s${n}`, String(n), 0),
        { op: "enqueue", queue: "jobs", messages: [{ body: String(n), dedup: { key: `${n}`, forMs: 60_000 } }] },
      ];
      const list = (n: number): Change[] => (n % 11 === 3 ? careful(n) : place(n));
      const results = await Promise.all(Array.from({ length: 3 * count }, (_, n) => engine.commit(list(n))));
      expect(results.filter(({ committed }) => committed)).toHaveLength(3 * count);
      await expectInOrder(engine, results);
    }));
});

test(
  "scenario 9: a server that crashes under load loses nothing it acknowledged, and everybody goes on by himself",
  { timeout: 90_000 },
  async (context) => {
    const bin = programs();
    if (bin === undefined) return context.skip("PostgreSQL's server programs are not installed here");
    await using cluster = await startCluster(bin);
    const place = { open: (options = {}) => openPostgresEngine({ url: cluster.url, ...options }), drop: nothing };
    const server = { kill: () => cluster.stop("immediate"), start: () => cluster.start() };
    await withEnginesOn<PostgresEngine, PostgresEngineOptions>(place, async (open) => {
      const names = await exerciseRestarts(server, open, (name) => append(name, name, 0));
      const engine = await open();
      const { events } = await engine.read({ log: "ledger", after: 0, limit: 100_000 });
      expect(events.map(({ data }) => data).toSorted()).toEqual(names.toSorted());
      expect(await engine.verify()).toEqual([]);
    });
  },
);

test("of many calls that wait for a server that is away none waits much longer than busyMaxMs", async (context) => {
  const bin = programs();
  if (bin === undefined) return context.skip("PostgreSQL's server programs are not installed here");
  await using cluster = await startCluster(bin);
  const place = { open: (options = {}) => openPostgresEngine({ url: cluster.url, ...options }), drop: nothing };
  const reach = { away: () => cluster.stop("immediate"), back: () => cluster.start() };
  await withEnginesOn<PostgresEngine, PostgresEngineOptions>(place, async (open) => {
    expect(await exerciseAway(reach, open)).toEqual(["STORAGE"]);
  });
});

test(
  "scenario 12: late commits of long transactions show in order to those who read meanwhile, and nobody's foreign transaction makes them wait",
  { timeout: 60_000 },
  () =>
    withEngines(async (open, schema) => {
      const [writer, other, reader] = [await open(), await open(), await open()];
      await writer.commit([append("s", "first")]);
      await using foreign = await openPostgres({ url: serverUrl, schema });
      let letGo: (() => void) | undefined;
      const held = foreign.transaction(async (tx) => {
        await tx.query("create temporary table unrelated(n int)");
        await new Promise<void>((resolve) => (letGo = resolve));
      });
      const late = writer.transaction(async (tx) => {
        await tx.commit([append("s", "late")]);
        await systemClock.sleep(300);
      });
      await systemClock.sleep(50);
      const behind = Array.from({ length: 5 }, (_, n) => other.commit([append(`t${n}`, "behind")]));
      const seen: number[] = [];
      for (let after = 0; seen.length < 7; await systemClock.sleep(5)) {
        const { events, through } = await reader.read({ log: "ledger", after, limit: 3 });
        seen.push(...events.map(({ position }) => position));
        after = through;
      }
      await Promise.all([late, ...behind]);
      letGo?.();
      await held;
      expect(seen).toEqual([1, 2, 3, 4, 5, 6, 7]);
      const { events } = await reader.read({ log: "ledger", after: 0, limit: 9 });
      expect(events[1]?.data).toBe("late");
    }),
);

test("a server that keeps less than asked for is refused, and says why", async () => {
  const schema = freshSchema();
  const opening = openPostgresEngine({ url: serverUrl, schema, durability: "replicated" });
  await expect(opening).rejects.toMatchObject({ code: "DURABILITY" });
  await dropSchema(schema);
  const unreachable = openPostgresEngine({ url: "postgres://nobody@127.0.0.1:1/none", busyMaxMs: 100 });
  await expect(unreachable).rejects.toMatchObject({ code: "STORAGE", reason: "busy" });
});

test("a connection that is lost under the caller's own statement is a fault of the store", () =>
  withEngines(async (open) => {
    const engine = await open();
    const cut = engine.transaction(({ sql }) => sql.query("select pg_terminate_backend(pg_backend_pid())"));
    await expect(cut).rejects.toMatchObject({ code: "STORAGE", reason: "busy", retryable: true });
    const wrong = engine.transaction(({ sql }) => sql.query("select * from not_there"));
    await expect(wrong).rejects.toMatchObject({ code: "POSTGRES", sqlState: "42P01" });
  }));

test("a transaction keeps the caller's rows and the engine's changes together, or neither", () =>
  withEngines(async (open, schema) => {
    const engine = await open();
    await engine.migrate("shop", [{ name: "orders", sql: `create table ${schema}.orders(id text primary key)` }]);
    const order = (id: string, outcome: "kept" | "thrown") =>
      engine.transaction(async (tx) => {
        await tx.sql.query(`insert into ${schema}.orders values ($1)`, [id]);
        const { committed } = await tx.commit([
          append(id, "placed", 0),
          { op: "enqueue", queue: "mail", messages: [{ body: id }] },
        ]);
        if (outcome === "thrown") throw new Error("no");
        return committed;
      });
    expect(await order("a", "kept")).toBe(true);
    await expect(order("b", "thrown")).rejects.toThrow("no");
    expect(await order("c", "kept")).toBe(true);
    // A refused list leaves no trace, and the transaction goes on.
    await engine.transaction(async (tx) => expect((await tx.commit([append("a", "again", 0)])).committed).toBe(false));
    const { rows } = await engine.sql.query(`select id from ${schema}.orders order by id`);
    expect(rows).toEqual([{ id: "a" }, { id: "c" }]);
    expect((await engine.read({ log: "ledger", after: 0, limit: 9 })).events.map(({ stream }) => stream)).toEqual([
      "a",
      "c",
    ]);
    expect(await engine.verify()).toEqual([]);
  }));

test("two engines in two schemas of one database do not see each other", () =>
  withEngines(async (open, schema) => {
    const other = `${schema}_b`;
    try {
      const [one, two] = [await open(), await open({ schema: other })];
      let rings = 0;
      using _ = two.bell(["queue:jobs", "log:ledger"], () => (rings += 1));
      // When it begins to hear the server, every bell rings once: something may have been missed.
      const warm = { rings: 0 };
      using __ = two.bell(["cells:warm"], () => (warm.rings += 1));
      const three = await open({ schema: other });
      while (warm.rings < 2) {
        await three.commit([{ op: "put", cell: { space: "warm", key: "k" }, expect: "any", value: "v" }]);
        await systemClock.sleep(50);
      }
      rings = 0;
      const cell = { space: "s", key: "k" };
      await one.commit([
        { op: "enqueue", queue: "jobs", messages: [{ body: "a" }] },
        { op: "put", cell, expect: "absent", value: "v" },
        { op: "seen", consumer: "c", id: "1", keepMs: 60_000 },
        append("a", "x", 0),
      ]);
      expect(await two.get([cell])).toEqual([undefined]);
      expect((await two.claim({ queue: "jobs", count: 1, leaseMs: 1_000 })).claims).toEqual([]);
      expect((await two.read({ log: "ledger", after: 0, limit: 10 })).events).toEqual([]);
      expect(await two.commit([{ op: "seen", consumer: "c", id: "1", keepMs: 60_000 }])).toMatchObject({
        committed: true,
      });
      await systemClock.sleep(200);
      expect(rings).toBe(0);
      expect((await one.claim({ queue: "jobs", count: 1, leaseMs: 1_000 })).claims).toHaveLength(1);
    } finally {
      await dropSchema(other);
    }
  }));
