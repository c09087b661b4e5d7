import { expect, test } from "vitest";
import { type ManualClock, manualClock } from "../clock/mod.ts";
import { openMemoryEngine } from "../engine/memory/mod.ts";
import { type Fate, leaveInDoubt } from "../engine/doubt.test-engine.ts";
import type { TransactionalEngine } from "../engine/mod.ts";
import { openSqliteEngine, type SqliteEngine, type SqliteSql } from "../engine/sqlite/mod.ts";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { account, type AccountEvent, accountEvents, accountWith } from "./account.test-domain.ts";
import { eventTypes } from "./event-types.ts";
import { openEventStore } from "./open-event-store.ts";
import { openSubjectKeys } from "./open-subject-keys.ts";
import { openSubscription } from "./open-subscription.ts";
import { openProjection } from "./open-projection.ts";
import { type Projection, projection } from "./projection.ts";
import { retireProjection } from "./retire-projection.ts";

async function openEngine(): Promise<SqliteEngine> {
  const folder = mkdtempSync(join(tmpdir(), "ashlar-events-sql-"));
  const engine = await openSqliteEngine({ path: join(folder, "data.db"), durability: "process", clock: manualClock() });
  await engine.transaction(
    ({ sql }) => void sql.run("create table balance (account text primary key, cents integer not null) strict"),
  );
  const close = engine[Symbol.asyncDispose].bind(engine);
  return Object.assign(engine, {
    [Symbol.asyncDispose]: async () => {
      await close();
      rmSync(folder, { recursive: true, force: true });
    },
  });
}

const upsert = "insert into balance values (?, ?) on conflict (account) do update set cents = cents + excluded.cents";

function balances(version: number, table = "balance"): Projection<AccountEvent, SqliteSql> {
  return projection<AccountEvent, SqliteSql>({
    name: "balances",
    version,
    types: accountEvents,
    applySql: (sql, events) => {
      for (const event of events) {
        if (event.type === "Opened") continue;
        if (event.data.cents === 13) throw new Error("unlucky");
        sql.run(
          upsert.replace("balance", table),
          event.stream,
          event.type === "Deposited" ? event.data.cents : -event.data.cents,
        );
      }
    },
    dropSql: (sql) => void sql.run(`drop table ${table}`),
  });
}

function rows(engine: SqliteEngine): readonly unknown[] {
  return engine.sql.all("select account, cents from balance order by account").map((row) => ({ ...(row as object) }));
}

test.each<Fate>(["committed", "rolled back"])(
  "a transaction of an SQL projection that is in doubt and was %s counts each event once, and parks nothing",
  async (fate) => {
    await using engine = await openEngine();
    const store = await openEventStore({ engine });
    await store.execute(account, "1", { kind: "open", owner: "1" });
    await store.execute(account, "1", { kind: "deposit", cents: 5 });
    // That of the whole batch, and that of its first event alone.
    leaveInDoubt(engine, fate, 2);
    await using running = await openProjection({ store, engine, projection: balances(1), attemptsMax: 1 });
    const caughtUp = running.caughtUp();
    await (engine.clock as ManualClock).advance(60_000);
    await caughtUp;
    expect(rows(engine)).toEqual([{ account: "account/1", cents: 5 }]);
    expect(await Array.fromAsync(running.parked.list())).toEqual([]);
  },
);

test("an SQL projection writes rows and checkpoint in one transaction, and parks only the poisoned stream", async () => {
  await using engine = await openEngine();
  const store = await openEventStore({ engine });
  for (const id of ["1", "2"]) await store.execute(account, id, { kind: "open", owner: id });
  for (const cents of [5, 7]) await store.execute(account, "1", { kind: "deposit", cents });
  for (const cents of [1, 13, 2]) await store.execute(account, "2", { kind: "deposit", cents });
  {
    await using running = await openProjection({ store, engine, projection: balances(1), attemptsMax: 1 });
    await running.caughtUp();
    expect(rows(engine)).toEqual([
      { account: "account/1", cents: 12 },
      { account: "account/2", cents: 1 },
    ]);
    expect(await Array.fromAsync(running.parked.list())).toMatchObject([{ stream: "account/2", version: 3 }]);
  }
  await using again = await openProjection({ store, engine, projection: balances(1) });
  await again.caughtUp();
  expect(rows(engine)).toMatchObject([{ cents: 12 }, { cents: 1 }]);
});

test("a full disk parks no stream: the partition says why it stands and goes on once there is room", async () => {
  await using engine = await openEngine();
  const clock = engine.clock as ManualClock;
  const store = await openEventStore({ engine });
  for (const id of ["1", "2"]) await store.execute(account, id, { kind: "open", owner: id });
  await engine.limitSize(1);
  const text = "x".repeat(200_000);
  await using subscription = await openSubscription({
    store,
    name: "s",
    attemptsMax: 1,
    handle: ({ stream }) => [{ op: "put", cell: { space: "big", key: stream }, expect: "absent", value: text }],
  });
  await clock.advance(10);
  await engine.limitSize(undefined);
  const stopped = await subscription.status();
  expect([stopped.partitions[0]?.state, stopped.partitions[0]?.failure?.code, stopped.parkedStreams]).toEqual([
    "failed",
    "STORAGE",
    0,
  ]);
  const done = subscription.caughtUp();
  await clock.advance(30_000);
  await done;
  expect((await Array.fromAsync(engine.scan({ kind: "cells", space: "big" }))).map(({ key }) => key)).toEqual([
    "account/1",
    "account/2",
  ]);
});

test("retiring an SQL projection drops its tables", async () => {
  await using engine = await openEngine();
  const store = await openEventStore({ engine });
  {
    await using first = await openProjection({ store, engine, projection: balances(1) });
    await first.caughtUp();
  }
  await using second = await openProjection({ store, engine, projection: balances(2) });
  await second.activate();
  expect(await retireProjection({ store, engine, projection: balances(1) })).toBe("retired");
  expect(() => rows(engine)).toThrow(/no such table/);
});

test("an SQL projection without its transactional engine is refused", async () => {
  await using engine = await openMemoryEngine();
  const store = await openEventStore({ engine });
  await expect(openProjection({ store, projection: balances(1) })).rejects.toMatchObject({ code: "CONFIG" });
  const posing = engine as unknown as TransactionalEngine<SqliteSql>;
  await expect(openProjection({ store, engine: posing, projection: balances(1) })).rejects.toMatchObject({
    code: "UNSUPPORTED",
  });
  await expect(openEventStore({ engine: posing, inlineSql: [] })).rejects.toMatchObject({ code: "UNSUPPORTED" });
});

test("an inline SQL projection commits with the events, and neither without the other", async () => {
  await using engine = await openEngine();
  const store = await openEventStore({
    engine,
    inlineSql: [
      (sql, events) => {
        for (const { stream, data } of events) if ("cents" in data) sql.run(upsert, stream, Number(data.cents));
        if (events.some(({ data }) => "cents" in data && data.cents === 13)) throw new Error("unlucky");
      },
    ],
  });
  await store.execute(account, "1", { kind: "open", owner: "Ada" });
  await Promise.all([5, 6, 7].map((cents) => store.execute(account, "1", { kind: "deposit", cents })));
  expect(rows(engine)).toEqual([{ account: "account/1", cents: 18 }]);
  await expect(store.execute(account, "1", { kind: "deposit", cents: 13 })).rejects.toThrow("unlucky");
  expect(rows(engine)).toEqual([{ account: "account/1", cents: 18 }]);
  expect(await store.load(account, "1")).toMatchObject({ version: 4, state: { cents: 18 } });
  await expect(store.plan([{ decider: account, id: "1", command: { kind: "nothing" } }])).rejects.toMatchObject({
    code: "UNSUPPORTED",
  });
});

test("commands in a transaction build on each other, and a roll-back takes them all back", async () => {
  await using engine = await openEngine();
  const store = await openEventStore({ engine });
  await store.execute(account, "1", { kind: "open", owner: "Ada" });
  const transfer = (end: "commit" | "roll back"): Promise<unknown> =>
    engine.transaction(async (tx) => {
      const first = await store.execute(account, "1", { kind: "deposit", cents: 5 }, { in: tx });
      const second = await store.execute(account, "1", { kind: "withdraw", cents: 5 }, { in: tx });
      const third = await store.execute(account, "1", { kind: "withdraw", cents: 5 }, { in: tx });
      tx.sql.run(upsert, "account/1", 1);
      if (end === "roll back") throw new Error("roll back");
      return [first.status, second.status, third.status];
    });
  await expect(transfer("roll back")).rejects.toThrow("roll back");
  expect(await store.load(account, "1")).toMatchObject({ version: 1 });
  expect(await transfer("commit")).toEqual(["accepted", "accepted", "rejected"]);
  expect(await store.load(account, "1")).toMatchObject({ version: 3, state: { cents: 0 } });
  expect(rows(engine)).toEqual([{ account: "account/1", cents: 1 }]);
  expect(await store.execute(account, "1", { kind: "deposit", cents: 1 })).toMatchObject({
    status: "accepted",
    version: 4,
  });
});

test("a command in a transaction is decided behind what was appended in it", async () => {
  await using engine = await openEngine();
  const store = await openEventStore({ engine });
  await store.execute(account, "2", { kind: "open", owner: "Eve" });
  const answers = await engine.transaction(async (tx) => {
    const append = (stream: string, ...events: AccountEvent[]): Promise<unknown> =>
      store.append(stream, events, { expected: "any", types: accountEvents, in: tx });
    await append("account/1", { type: "Opened", data: { owner: "Ada" } }, { type: "Deposited", data: { cents: 5 } });
    const first = await store.execute(account, "1", { kind: "withdraw", cents: 3 }, { in: tx });
    await store.append("account/1", [{ type: "Deposited", data: { cents: 1 } }], { expected: 3, in: tx });
    const second = await store.execute(account, "1", { kind: "withdraw", cents: 3 }, { in: tx });
    const third = await store.execute(account, "1", { kind: "withdraw", cents: 1 }, { in: tx });
    await store.execute(account, "2", { kind: "deposit", cents: 2 }, { in: tx });
    await append("account/2", { type: "Deposited", data: { cents: 2 } });
    const last = await store.execute(account, "2", { kind: "withdraw", cents: 4 }, { in: tx });
    return [first, second, third, last];
  });
  expect(answers).toMatchObject([
    { status: "accepted", version: 3 },
    { status: "accepted", version: 5 },
    { status: "rejected" },
    { status: "accepted", version: 4 },
  ]);
  expect(await store.load(account, "1")).toMatchObject({ version: 5, state: { cents: 0 } });
  expect(await store.load(account, "2")).toMatchObject({ version: 4, state: { cents: 0 } });
});

test("a command id counts already in the transaction that used it first", async () => {
  await using engine = await openEngine();
  const store = await openEventStore({ engine });
  const opened: AccountEvent = { type: "Opened", data: { owner: "Ada" } };
  const answers = await engine.transaction(async (tx) => {
    const append = () => store.append("account/1", [opened], { expected: "any", commandId: "a", in: tx });
    const deposit = () => store.execute(account, "1", { kind: "deposit", cents: 5 }, { commandId: "b", in: tx });
    return [await append(), await deposit(), await append(), await deposit()];
  });
  expect(answers).toMatchObject([
    { status: "appended", version: 1 },
    { status: "accepted", version: 2 },
    { status: "repeated", version: 1 },
    { status: "repeated", version: 2, events: [{ type: "Deposited" }] },
  ]);
});

test("an inline SQL projection learns of an erasure in its transaction", async () => {
  await using engine = await openEngine();
  const personal = { subject: () => "p/1", fields: ["owner"] } as const;
  const types = eventTypes<AccountEvent>({ Opened: { personal }, Deposited: {}, Withdrawn: {} });
  const store = await openEventStore({
    engine,
    keys: await openSubjectKeys({ engine, masterKey: new Uint8Array(32) }),
    inlineSql: [
      (sql, events) => {
        for (const { type, stream, version } of events) sql.run(upsert, stream, type === "$erased" ? -version : 10);
      },
    ],
  });
  for (const id of ["1", "2", "3"])
    await store.execute(accountWith({ events: types }), id, { kind: "open", owner: "Ada" });
  expect(await store.erase("p/1")).toBe(3);
  expect(rows(engine)).toMatchObject([{ cents: 8 }, { cents: 8 }, { cents: 8 }]);
  expect(await store.load(accountWith({ events: types }), "1")).toMatchObject({
    version: 2,
    state: { owner: "[erased]" },
  });
});
