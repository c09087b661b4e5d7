import { expect, test } from "vitest";
import { gate } from "../../abort/mod.ts";
import { manualClock, type Clock } from "../../clock/mod.ts";
import { openSqlite, type SqliteDatabase, type SqliteTransaction } from "./mod.ts";
import { temporaryFolder } from "./temporary.test-folder.ts";

async function openTable(path: string, clock?: Clock): Promise<SqliteDatabase> {
  const database = await openSqlite({ path, durability: "process", ...(clock !== undefined && { clock }) });
  const made = database.group((sql) => sql.run("create table t(a integer primary key)"));
  await made;
  return database;
}

const rows = (database: SqliteDatabase): readonly unknown[] =>
  database.reader.all<{ readonly a: number }>("select a from t order by a").map((row) => row.a);

test("a transaction may wait, and commits everything or nothing", async () => {
  using folder = temporaryFolder();
  await using database = await openTable(folder.file("a.db"));
  await database.transaction(async (tx) => {
    tx.run("insert into t values (1)");
    await Promise.resolve();
    tx.run("insert into t values (2)");
  });
  const failed = database.transaction(async (tx) => {
    tx.run("insert into t values (3)");
    await Promise.resolve();
    throw new Error("mine");
  });
  await expect(failed).rejects.toThrow("mine");
  expect(rows(database)).toEqual([1, 2]);
});

test("one transaction's failure leaves those that share its commit alone", async () => {
  using folder = temporaryFolder();
  await using database = await openTable(folder.file("a.db"));
  const add = (row: number) => database.transaction(async (tx) => tx.run("insert into t values (?)", row).changes);
  const outcomes = await Promise.allSettled([add(1), add(1), add(2)]);
  expect(outcomes.map((outcome) => outcome.status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
  expect(rows(database)).toEqual([1, 2]);
});

test("a nested transaction that throws is undone, and the outer one goes on", async () => {
  using folder = temporaryFolder();
  await using database = await openTable(folder.file("a.db"));
  await database.transaction(async (tx) => {
    tx.run("insert into t values (1)");
    await tx.nested((inner) => inner.run("insert into t values (2)"));
    const failed = tx.nested(async (inner) => {
      inner.run("insert into t values (3)");
      await inner.nested((deepest) => deepest.run("insert into t values (4)"));
      throw new Error("inner");
    });
    await expect(failed).rejects.toThrow("inner");
    tx.run("insert into t values (5)");
  });
  expect(rows(database)).toEqual([1, 2, 5]);
});

test("the outer handle is refused while a nested one is open", async () => {
  using folder = temporaryFolder();
  await using database = await openTable(folder.file("a.db"));
  const mixed = database.transaction((tx) => tx.nested(() => tx.run("insert into t values (1)")));
  await expect(mixed).rejects.toMatchObject({ code: "INVARIANT" });
  expect(rows(database)).toEqual([]);
});

test("a transaction that takes too long is rolled back, its handle is dead, and others go on", async () => {
  using folder = temporaryFolder();
  const clock = manualClock();
  await using database = await openSqlite({
    path: folder.file("a.db"),
    durability: "process",
    clock,
    transactionMaxMs: 50,
  });
  const made = database.group((sql) => sql.run("create table t(a integer primary key)"));
  await clock.settle();
  await made;
  const never = gate();
  let kept: SqliteTransaction | undefined;
  const slow = database.transaction(async (tx) => {
    kept = tx;
    tx.run("insert into t values (1)");
    await never.promise;
  });
  const next = database.group((sql) => sql.run("insert into t values (2)"));
  const [outcome] = await Promise.all([Promise.allSettled([slow]), clock.advance(60)]);
  expect(outcome).toMatchObject([{ reason: { code: "TIMEOUT" } }]);
  await next;
  expect(() => kept?.run("insert into t values (3)")).toThrow("disposed");
  expect(rows(database)).toEqual([2]);
});

test("a statement that rolls everything back ends the transaction: its handle is refused and its outcome rejected", async () => {
  using folder = temporaryFolder();
  await using database = await openTable(folder.file("a.db"));
  await database.transaction((tx) => tx.run("insert into t values (1)"));
  const late: unknown[] = [];
  const outcomes = await Promise.allSettled([
    database.transaction((tx) => tx.run("insert into t values (5)")),
    database.transaction(async (tx) => {
      try {
        tx.run("insert or rollback into t values (1)");
      } catch {
        const calls: readonly (() => unknown)[] = [() => tx.run("insert into t values (6)"), () => tx.nested(() => 1)];
        for (const again of calls) late.push(await Promise.try(again).catch((error: unknown) => error));
      }
    }),
    database.transaction((tx) => tx.run("insert into t values (7)")),
  ]);
  expect(outcomes.map((outcome) => outcome.status)).toEqual(["rejected", "rejected", "fulfilled"]);
  expect(outcomes[0]).toMatchObject({ reason: { code: "SQLITE", reason: "busy", retryable: true } });
  expect(late).toMatchObject([{ code: "SQLITE" }, { code: "SQLITE" }]);
  expect(rows(database)).toEqual([1, 7]);
});

test("a group caller that goes on after its statement rolled everything back writes nothing, and its neighbours lose nothing", async () => {
  using folder = temporaryFolder();
  await using database = await openTable(folder.file("a.db"));
  const outcomes = await Promise.allSettled([
    database.group((sql) => sql.run("insert into t values (1)")),
    database.group((sql) => {
      try {
        sql.run("insert or rollback into t values (1)");
      } catch {
        sql.run("insert into t values (2)");
      }
    }),
    database.group((sql) => sql.run("insert into t values (3)")),
  ]);
  expect(outcomes.map((outcome) => outcome.status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
  expect(rows(database)).toEqual([1, 3]);
});

test("statements that would end or split the transaction are refused, whatever stands before them", async () => {
  using folder = temporaryFolder();
  await using database = await openTable(folder.file("a.db"));
  for (const sql of ["commit", "-- now\n commit", "/* so */;;rollback", "SAVEPOINT x", "release caller"]) {
    const refused = database.transaction((tx) => {
      tx.run("insert into t values (1)");
      tx.run(sql);
    });
    await expect(refused).rejects.toMatchObject({ code: "UNSUPPORTED" });
  }
  expect(rows(database)).toEqual([]);
});

test("the time limit ends nested handles too", async () => {
  using folder = temporaryFolder();
  const clock = manualClock();
  const path = folder.file("a.db");
  await using database = await openSqlite({ path, durability: "process", clock, transactionMaxMs: 50 });
  const made = database.group((sql) => sql.run("create table t(a integer primary key)"));
  await clock.settle();
  await made;
  const late = gate();
  let inner: SqliteTransaction | undefined;
  const slow = database.transaction((tx) =>
    tx.nested(async (nested) => {
      inner = nested;
      await late.promise;
    }),
  );
  const [outcome] = await Promise.all([Promise.allSettled([slow]), clock.advance(60)]);
  expect(outcome).toMatchObject([{ reason: { code: "TIMEOUT" } }]);
  expect(() => inner?.run("insert into t values (1)")).toThrow("disposed");
  expect(rows(database)).toEqual([]);
});
