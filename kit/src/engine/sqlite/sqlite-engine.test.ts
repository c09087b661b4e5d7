import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { manualClock } from "../../clock/mod.ts";
import { openSqlite } from "../../drivers/sqlite/mod.ts";
import { openSqliteEngine, type SqliteEngine, type SqliteEngineOptions } from "./mod.ts";
import { schemaSteps } from "./schema.ts";

interface Bed extends AsyncDisposable {
  readonly engine: SqliteEngine;
  readonly file: (name: string) => string;
}

async function openBed(options: Partial<SqliteEngineOptions> = {}): Promise<Bed> {
  const folder = mkdtempSync(join(tmpdir(), "ashlar-sqlite-engine-"));
  const file = (name: string): string => join(folder, name);
  const engine = await openSqliteEngine({ path: file("a.db"), durability: "process", ...options });
  await engine.migrate("mine", [
    { name: "orders", sql: "create table orders(id text primary key, total integer) strict" },
  ]);
  return {
    engine,
    file,
    [Symbol.asyncDispose]: async () => {
      await engine[Symbol.asyncDispose]();
      rmSync(folder, { recursive: true });
    },
  };
}

const orders = (engine: SqliteEngine): unknown => engine.sql.get<{ n: number }>("select count(*) as n from orders")?.n;
const enqueue = { op: "enqueue", queue: "q", messages: [{ body: "job" }] } as const;
const ready = async (engine: SqliteEngine): Promise<unknown> =>
  (await Array.fromAsync(engine.scan({ kind: "queues", queue: "q" })))[0]?.ready;

test("the caller's own rows and the changes of a transaction are committed together", async () => {
  await using bed = await openBed();
  const { engine } = bed;
  const result = await engine.transaction(async (tx) => {
    tx.sql.run("insert into orders values (?, ?)", "o1", 1250);
    const committed = await tx.commit([enqueue]);
    expect(orders(engine)).toBe(0);
    return committed;
  });
  expect(result).toMatchObject({ committed: true, outcomes: [{ messages: [{ id: "1", status: "added" }] }] });
  expect(orders(engine)).toBe(1);
  expect(await ready(engine)).toBe(1);
  expect(await engine.verify()).toEqual([]);
});

test("a transaction that throws leaves neither rows nor changes, and neighbours keep theirs", async () => {
  await using bed = await openBed();
  const { engine } = bed;
  const outcomes = await Promise.allSettled([
    engine.commit([enqueue]),
    engine.transaction(async (tx) => {
      tx.sql.run("insert into orders values ('o1', 1)");
      await tx.commit([
        enqueue,
        { op: "append", log: "l", stream: "s", expected: "new", events: [{ type: "T", data: "1" }] },
      ]);
      throw new Error("mine");
    }),
    engine.transaction(async (tx) => await tx.commit([enqueue])),
    engine.commit([{ op: "append", log: "l", stream: "s", expected: "new", events: [{ type: "T", data: "2" }] }]),
  ]);
  expect(outcomes.map((outcome) => outcome.status)).toEqual(["fulfilled", "rejected", "fulfilled", "fulfilled"]);
  expect(orders(engine)).toBe(0);
  expect(await ready(engine)).toBe(2);
  expect((await engine.read({ log: "l", after: 0, limit: 9 })).events.map((event) => event.data)).toEqual(["2"]);
  expect(await engine.verify()).toEqual([]);
});

test("a refused list leaves no trace in its transaction, which may go on", async () => {
  await using bed = await openBed();
  const { engine } = bed;
  await engine.transaction(async (tx) => {
    const refused = await tx.commit([enqueue, { op: "check", cell: { space: "s", key: "k" }, expect: "present" }]);
    expect(refused).toMatchObject({ committed: false, index: 1 });
    tx.sql.run("insert into orders values ('o1', 1)");
  });
  expect(orders(engine)).toBe(1);
  expect(await ready(engine)).toBeUndefined();
});

test("statements that would end or split the transaction are refused", async () => {
  await using bed = await openBed();
  for (const sql of [
    "commit",
    " ROLLBACK to x",
    "savepoint x",
    "pragma synchronous = off",
    "/* so */ -- it is\n commit",
  ]) {
    await expect(bed.engine.transaction((tx) => tx.sql.run(sql))).rejects.toMatchObject({ code: "UNSUPPORTED" });
  }
});

test("a transaction longer than transactionMaxMs is rolled back, and its handle writes nothing more", async () => {
  const clock = manualClock();
  const opening = openBed({ clock, transactionMaxMs: 100 });
  await clock.settle();
  await using bed = await opening;
  let late: Promise<unknown> | undefined;
  const slow = bed.engine.transaction(async (tx) => {
    await tx.commit([enqueue]);
    await clock.sleep(200);
    late = tx.commit([enqueue]);
    await late;
  });
  const [outcome] = await Promise.all([Promise.allSettled([slow]), clock.advance(150)]);
  expect(outcome).toMatchObject([{ reason: { code: "TIMEOUT" } }]);
  await clock.advance(100);
  await expect(late).rejects.toMatchObject({ code: "DISPOSED" });
  expect(await ready(bed.engine)).toBeUndefined();
});

test("families of tables named like the engine's own are refused", async () => {
  await using bed = await openBed();
  await expect(bed.engine.migrate("ashlar-engine", [])).rejects.toMatchObject({ code: "CONFIG" });
});

test("a backup holds what was committed and opens as an engine of its own", async () => {
  await using bed = await openBed();
  await bed.engine.commit([enqueue]);
  await bed.engine.backup(bed.file("copy.db"));
  await using copy = await openSqliteEngine({ path: bed.file("copy.db"), durability: "process" });
  expect(await ready(copy)).toBe(1);
  expect(await copy.verify()).toEqual([]);
});

test("verify names counts that contradict the rows", async () => {
  await using bed = await openBed();
  await bed.engine.commit([enqueue]);
  await bed.engine.transaction((tx) => tx.sql.run("delete from ashlar_message"));
  expect(await bed.engine.verify()).toEqual(["queue q counts 1 ready and holds 0"]);
});

test("two engines on one file see each other's commits at once and never hand out a message twice", async () => {
  await using bed = await openBed();
  await using other = await openSqliteEngine({ path: bed.file("a.db"), durability: "process" });
  for (let round = 0; round < 20; round++) {
    await Promise.all([bed.engine, other].map(async (engine) => await engine.commit([enqueue, enqueue])));
    const [mine, theirs] = await Promise.all(
      [bed.engine, other].map(async (engine) => await engine.claim({ queue: "q", count: 2, leaseMs: 1000 })),
    );
    const ids = [...(mine?.claims ?? []), ...(theirs?.claims ?? [])].map((claim) => claim.receipt.id);
    expect(new Set(ids).size).toBe(4);
  }
  expect(await other.verify()).toEqual([]);
});

test("expired inbox entries, dedup keys and cells are deleted by maintenance", async () => {
  const clock = manualClock();
  const opening = openBed({ clock, maintenanceMs: 1000 });
  await clock.settle();
  await using bed = await opening;
  const writing = bed.engine.commit([
    { op: "seen", consumer: "c", id: "1", keepMs: 500 },
    { op: "put", cell: { space: "s", key: "k" }, expect: "any", value: "v", expiresInMs: 500 },
    { op: "enqueue", queue: "q", messages: [{ body: "b", dedup: { key: "d", forMs: 500 } }] },
  ]);
  await clock.settle();
  await writing;
  await clock.advance(3000);
  const left = bed.engine.sql.get(
    "select (select count(*) from ashlar_seen) + (select count(*) from ashlar_cell) + (select count(*) from ashlar_dedup) as n",
  );
  expect(left).toEqual({ n: 0 });
});

test("a transaction that a statement rolled back as a whole takes no further changes and is rejected", async () => {
  await using bed = await openBed();
  const { engine } = bed;
  await engine.transaction((tx) => tx.sql.run("insert into orders values ('o1', 1)"));
  const refused: unknown[] = [];
  const lost = engine.transaction(async (tx) => {
    await tx.commit([enqueue]);
    try {
      tx.sql.run("insert or rollback into orders values ('o1', 2)");
    } catch {
      await tx.commit([enqueue]).catch((error: unknown) => refused.push(error));
      await Promise.try(() => tx.sql.run("insert into orders values ('o2', 2)")).catch((error: unknown) =>
        refused.push(error),
      );
    }
  });
  await expect(lost).rejects.toMatchObject({ code: "SQLITE" });
  expect(refused).toMatchObject([{ code: "SQLITE" }, { code: "SQLITE" }]);
  expect(orders(engine)).toBe(1);
  expect(await ready(engine)).toBeUndefined();
  await engine.commit([enqueue]);
  expect(await engine.verify()).toEqual([]);
});

test("what an engine holds when it is disposed is claimable by others at once", async () => {
  await using bed = await openBed();
  await bed.engine.commit([enqueue]);
  const other = await openSqliteEngine({ path: bed.file("a.db"), durability: "process" });
  const held = await other.claim({ queue: "q", count: 1, leaseMs: 3_600_000 });
  expect(held.claims).toHaveLength(1);
  await other[Symbol.asyncDispose]();
  const { claims } = await bed.engine.claim({ queue: "q", count: 1, leaseMs: 1000 });
  expect(claims).toMatchObject([{ body: "job" }]);
});

test("an extension overtakes the transactions that wait", async () => {
  await using bed = await openBed();
  const { engine } = bed;
  await engine.commit([enqueue]);
  const { claims } = await engine.claim({ queue: "q", count: 1, leaseMs: 60_000 });
  const order: string[] = [];
  const [begun, released] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const slow = async (): Promise<void> => {
    begun.resolve();
    await released.promise;
    order.push("transaction");
  };
  const transactions = Array.from({ length: 4 }, () => engine.transaction(slow));
  await begun.promise;
  const receipts = claims.map((claim) => claim.receipt);
  const extending = engine.extend(receipts, 60_000).then(() => order.push("extended"));
  released.resolve();
  await extending;
  await Promise.all(transactions);
  expect(order).toEqual(["transaction", "extended", "transaction", "transaction", "transaction"]);
});

test("a file of the first version keeps its keys: who is admitted, who waits, and how many may run at once", async () => {
  await using bed = await openBed();
  await using old = await openSqlite({ path: bed.file("old.db"), durability: "process" });
  await old.migrate("ashlar-engine", schemaSteps.slice(0, 1));
  await old.transaction((tx) => {
    tx.run("insert into ashlar_queue(id, name, ready, waiting) values (1, 'q', 3, 2)");
    tx.run("update ashlar_head set last_id = 5, last_seq = 5");
    for (const [id, state, key] of [
      [1, 0, "one"],
      [2, 4, "one"],
      [3, 0, "two"],
      [4, 0, "two"],
      [5, 4, "two"],
    ] as const)
      tx.run(
        "insert into ashlar_message(id, queue, state, lane, seq, enqueued_at, key, body) values (?, 1, ?, 0, ?, 0, ?, ?)",
        id,
        state,
        id,
        key,
        String(id),
      );
    tx.run("insert into ashlar_gate values (1, 'one', 1, 1, 1), (1, 'two', 2, 1, 2)");
  });
  await using engine = await openSqliteEngine({ path: bed.file("old.db"), durability: "process" });
  expect(await engine.verify()).toEqual([]);
  const handed: string[] = [];
  for (let round = 0; round < 2; round++) {
    const { claims } = await engine.claim({ queue: "q", count: 9, leaseMs: 1000 });
    handed.push(claims.map((claim) => claim.body).join(" "));
    for (const { receipt } of claims) await engine.commit([{ op: "settle", receipt, as: { kind: "ack" } }]);
  }
  expect(handed).toEqual(["1 3 4", "2 5"]);
  expect(await engine.verify()).toEqual([]);
});
