import { writeFileSync } from "node:fs";
import { expect, test } from "vitest";
import { type Connect, connectToFile, type SqliteDurability } from "./connect.ts";
import { openSqlite } from "./mod.ts";
import { temporaryFolder } from "./temporary.test-folder.ts";

test("options out of range are refused by name", async () => {
  using folder = temporaryFolder();
  await expect(openSqlite({ path: folder.file("a.db"), busyMaxMs: 0 })).rejects.toMatchObject({
    code: "CONFIG",
    option: "busyMaxMs",
  });
  for (const path of ["", ":memory:"])
    await expect(openSqlite({ path })).rejects.toMatchObject({ code: "CONFIG", option: "path" });
});

test("the file is in write-ahead mode and flushed as its class says", async () => {
  using folder = temporaryFolder();
  await using disk = await openSqlite({ path: folder.file("a.db") });
  expect(disk.writer.get("pragma journal_mode")).toEqual({ journal_mode: "wal" });
  expect(disk.writer.get("pragma synchronous")).toEqual({ synchronous: 2 });
  await using quick = await openSqlite({ path: folder.file("b.db"), durability: "process" });
  expect(quick.writer.get("pragma synchronous")).toEqual({ synchronous: 1 });
});

test("only a new file of the class process is made without waiting for the disk", async () => {
  using folder = temporaryFolder();
  const told: string[] = [];
  const connect: Connect = (path, options) => {
    const database = connectToFile(path, options);
    const exec = database.exec.bind(database);
    return Object.assign(database, { exec: (sql: string) => (told.push(sql), exec(sql)) });
  };
  const isWaitingAlways = async (file: string, durability: SqliteDurability): Promise<boolean> => {
    told.length = 0;
    await using database = await openSqlite({ path: folder.file(file), durability, connect });
    await database.group((sql) => sql.run("create table if not exists t(a integer)"));
    return !told.includes("pragma synchronous = off");
  };
  expect(await isWaitingAlways("a.db", "disk")).toBe(true);
  expect(await isWaitingAlways("b.db", "process")).toBe(false);
  for (const file of ["a.db", "b.db"]) expect(await isWaitingAlways(file, "process")).toBe(true);
});

test("a file that is no database is refused as corrupt", async () => {
  using folder = temporaryFolder();
  writeFileSync(folder.file("a.db"), "this is a text of more than a hundred bytes, ".repeat(10));
  await expect(openSqlite({ path: folder.file("a.db") })).rejects.toMatchObject({ code: "SQLITE", reason: "corrupt" });
});

test("the reader sees what is committed and cannot write", async () => {
  using folder = temporaryFolder();
  await using database = await openSqlite({ path: folder.file("a.db"), durability: "process" });
  await database.group((sql) => sql.run("create table t(a integer)"));
  await database.transaction((tx) => {
    tx.run("insert into t values (1)");
    expect(database.reader.all("select a from t")).toEqual([]);
  });
  expect(database.reader.all("select a from t")).toEqual([{ a: 1 }]);
  expect(() => database.reader.run("insert into t values (2)")).toThrow(/readonly/);
});

test("disposing finishes what waits, refuses what comes, and may be repeated", async () => {
  using folder = temporaryFolder();
  const database = await openSqlite({ path: folder.file("a.db"), durability: "process" });
  const waiting = database.group((sql) => sql.run("create table t(a integer)").changes);
  await Promise.all([database[Symbol.asyncDispose](), database[Symbol.asyncDispose]()]);
  await expect(waiting).resolves.toBeTypeOf("number");
  await expect(database.group(() => 1)).rejects.toMatchObject({ code: "DISPOSED" });
});

test("a file bounded in size refuses growth as full and takes writes again when the bound is lifted", async () => {
  using folder = temporaryFolder();
  await using database = await openSqlite({ path: folder.file("a.db"), durability: "process" });
  await database.group((sql) => sql.run("create table t(a text)"));
  await database.limitSize(1);
  const grow = () => database.group((sql) => sql.run("insert into t values (?)", "x".repeat(100_000)));
  await expect(grow()).rejects.toMatchObject({ reason: "full", retryable: true });
  expect(database.reader.get("select count(*) as n from t")).toEqual({ n: 0 });
  await database.limitSize(undefined);
  await grow();
  expect(database.integrityFaults()).toEqual([]);
});
