import { existsSync, readdirSync } from "node:fs";
import { expect, test } from "vitest";
import { openSqlite } from "./mod.ts";
import { temporaryFolder } from "./temporary.test-folder.ts";

test("a backup is one state of the database although others write meanwhile", async () => {
  using folder = temporaryFolder();
  await using database = await openSqlite({ path: folder.file("a.db"), durability: "process" });
  // Two tables that always hold the same number of rows.
  await database.migrate("mine", [{ name: "tables", sql: "create table t(a text); create table u(a text)" }]);
  const write = (): Promise<void> =>
    database.group((sql) => {
      sql.run("insert into t values (?)", "x".repeat(2000));
      sql.run("insert into u values (?)", "x".repeat(2000));
    });
  for (let row = 0; row < 200; row++) await write();
  const done = new AbortController();
  const copied = database.backup(folder.file("copy.db")).finally(() => done.abort());
  while (!done.signal.aborted) await write();
  await copied;
  await using copy = await openSqlite({ path: folder.file("copy.db"), durability: "process" });
  const counts = copy.reader.get<{ t: number; u: number }>(
    "select (select count(*) from t) as t, (select count(*) from u) as u",
  );
  expect(counts?.t).toBe(counts?.u);
  expect(counts?.t).toBeGreaterThanOrEqual(200);
  expect(copy.integrityFaults()).toEqual([]);
});

test("a backup never replaces a file and leaves no parts behind", async () => {
  using folder = temporaryFolder();
  await using database = await openSqlite({ path: folder.file("a.db"), durability: "process" });
  await database.backup(folder.file("copy.db"));
  await expect(database.backup(folder.file("copy.db"))).rejects.toMatchObject({ code: "EEXIST" });
  expect(existsSync(folder.file("copy.db"))).toBe(true);
  expect(readdirSync(folder.path).filter((name) => name.includes("partial"))).toEqual([]);
});
