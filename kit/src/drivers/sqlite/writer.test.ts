import { DatabaseSync } from "node:sqlite";
import { expect, test } from "vitest";
import { gate } from "../../abort/mod.ts";
import { manualClock, systemClock } from "../../clock/mod.ts";
import { systemRandom } from "../../random/mod.ts";
import { checkpointer } from "./checkpoint.ts";
import { openSqlite, type SqliteDatabase } from "./mod.ts";
import { session } from "./session.ts";
import { temporaryFolder } from "./temporary.test-folder.ts";
import { Writer } from "./writer.ts";

// So long that a machine with other things to do cuts no group short.
const groupMs = 1_000;

async function openTable(path: string, options: { readonly waitingMax?: number } = {}): Promise<SqliteDatabase> {
  const database = await openSqlite({ path, durability: "process", groupMs, ...options });
  await database.group((sql) => sql.run("create table t(a integer primary key)"));
  return database;
}

function countTransactions(database: SqliteDatabase): { count: number } {
  const seen = { count: 0 };
  const nothing = (): void => undefined;
  const committed = (): void => void seen.count++;
  database.hook({
    opened: nothing,
    closing: nothing,
    undone: nothing,
    rolledBack: nothing,
    committed,
    fault: (error) => error,
  });
  return seen;
}

test("callers of one turn share one transaction and each gets its own outcome", async () => {
  using folder = temporaryFolder();
  await using database = await openTable(folder.file("a.db"));
  const transactions = countTransactions(database);
  const rows = Array.from({ length: 50 }, (_, index) => index + 1);
  const ids = await Promise.all(
    rows.map((row) => database.group((sql) => sql.run("insert into t values (?)", row).lastInsertRowid)),
  );
  expect(ids).toEqual(rows);
  expect(transactions.count).toBe(1);
});

test("a caller that throws is rolled back alone", async () => {
  using folder = temporaryFolder();
  await using database = await openTable(folder.file("a.db"));
  const outcomes = await Promise.allSettled([
    database.group((sql) => sql.run("insert into t values (1)")),
    database.group((sql) => {
      sql.run("insert into t values (2)");
      throw new Error("mine");
    }),
    database.group((sql) => sql.run("insert into t values (1)")),
    database.group((sql) => sql.run("insert into t values (3)")),
  ]);
  expect(outcomes.map((outcome) => outcome.status)).toEqual(["fulfilled", "rejected", "rejected", "fulfilled"]);
  expect(outcomes[2]).toMatchObject({ reason: { code: "SQLITE", reason: "constraint" } });
  expect(database.reader.all("select a from t")).toEqual([{ a: 1 }, { a: 3 }]);
});

test("a shared caller that breaks off half-way does not take the others with it", async () => {
  using folder = temporaryFolder();
  await using database = await openTable(folder.file("a.db"));
  const outcomes = await Promise.allSettled([
    database.shared(() => database.writer.run("insert into t values (1)").changes),
    database.shared(() => {
      database.writer.run("insert into t values (2)");
      throw new Error("a bug");
    }),
    database.shared(() => database.writer.run("insert into t values (3)").changes),
  ]);
  expect(outcomes.map((outcome) => outcome.status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
  expect(database.reader.all("select a from t")).toEqual([{ a: 1 }, { a: 3 }]);
});

test("beyond waitingMax callers are refused as busy", async () => {
  using folder = temporaryFolder();
  await using database = await openTable(folder.file("a.db"), { waitingMax: 2 });
  const calls = await Promise.allSettled(
    [1, 2, 3].map((row) => database.group((sql) => sql.run("insert into t values (?)", row))),
  );
  expect(calls.map((call) => call.status)).toEqual(["fulfilled", "fulfilled", "rejected"]);
  expect(calls[2]).toMatchObject({ reason: { reason: "busy" } });
});

test("while another connection writes, callers wait and then go on; after busyMaxMs they are refused", async () => {
  using folder = temporaryFolder();
  const clock = manualClock();
  await using other = await openTable(folder.file("a.db"));
  await using database = await openSqlite({ path: folder.file("a.db"), durability: "process", clock, busyMaxMs: 1000 });
  other.writer.exec("begin immediate");
  const refused = database.group((sql) => sql.run("insert into t values (1)"));
  const [outcome] = await Promise.all([Promise.allSettled([refused]), clock.advance(1100)]);
  expect(outcome).toMatchObject([{ reason: { reason: "busy" } }]);
  const granted = database.group((sql) => sql.run("insert into t values (2)").changes);
  await clock.advance(100);
  other.writer.exec("commit");
  await clock.advance(60);
  expect(await granted).toBe(1);
});

test("what needs room does not take with it what makes room when the file is full", async () => {
  using folder = temporaryFolder();
  await using database = await openTable(folder.file("a.db"));
  await database.group((sql) => sql.run("create table big(body text)"));
  await Promise.all(
    Array.from({ length: 8 }, (_, row) => database.group((sql) => sql.run("insert into t values (?)", row))),
  );
  await database.limitSize(1);
  const grow = () =>
    database.shared(() => database.writer.run("insert into big values (?)", "x".repeat(20_000)).changes);
  const shrink = (row: number) => database.shared(() => database.writer.run("delete from t where a = ?", row).changes);
  const outcomes = await Promise.allSettled([shrink(0), grow(), shrink(1), shrink(2), grow(), shrink(3)]);
  expect(outcomes.map((outcome) => outcome.status)).toEqual([
    "fulfilled",
    "rejected",
    "fulfilled",
    "fulfilled",
    "rejected",
    "fulfilled",
  ]);
  expect(outcomes[1]).toMatchObject({ reason: { reason: "full" } });
  expect(database.reader.all("select a from t")).toEqual([{ a: 4 }, { a: 5 }, { a: 6 }, { a: 7 }]);
});

test("a call that goes ahead overtakes the transactions that wait, and nothing else", async () => {
  using folder = temporaryFolder();
  await using database = await openTable(folder.file("a.db"));
  const order: string[] = [];
  const [begun, slow] = [gate(), gate()];
  const first = database.transaction(() => {
    begun.open();
    return slow.promise;
  });
  await begun.promise;
  const rest = [
    database.shared(() => order.push("shared")),
    database.transaction(() => order.push("transaction")),
    database.transaction(() => order.push("transaction")),
    database.shared(() => order.push("late")),
    database.ahead(() => order.push("ahead")),
  ];
  slow.open();
  await Promise.all([first, ...rest]);
  expect(order).toEqual(["shared", "ahead", "transaction", "transaction", "late"]);
});

test("a look for other writers that fails behind the begin leaves no transaction open", async () => {
  using folder = temporaryFolder();
  const database = new DatabaseSync(folder.file("a.db"));
  const prepare = database.prepare.bind(database);
  let disk: "fails" | "works" = "fails";
  database.prepare = (sql: string) => {
    const statement = prepare(sql);
    if (!sql.includes("data_version")) return statement;
    const get = statement.get.bind(statement);
    return Object.assign(statement, {
      get: () => {
        if (disk === "works") return get();
        throw Object.assign(new Error("disk I/O error"), { code: "ERR_SQLITE_ERROR", errcode: 10 });
      },
    });
  };
  const limits = { busyMaxMs: 1000, transactionMaxMs: 1000, groupMax: 10, groupMs: 2, waitingMax: 10 };
  const options = { clock: systemClock, random: systemRandom, ...limits };
  const writer = new Writer(database, options, checkpointer(session(database)));
  await expect(writer.submit("shared", () => 1)).rejects.toMatchObject({ reason: "io" });
  expect(database.isTransaction).toBe(false);
  disk = "works";
  expect(await writer.submit("shared", () => 2)).toBe(2);
  database.close();
});
