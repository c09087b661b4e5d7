import { expect, test } from "vitest";
import { openSqlite } from "./mod.ts";
import { temporaryFolder } from "./temporary.test-folder.ts";

const first = { name: "first", sql: "create table t(a integer)" };
const second = { name: "second", sql: "alter table t add column b text; create index t_b on t(b)" };

test("steps are applied once, in order, and new ones at the end follow", async () => {
  using folder = temporaryFolder();
  await using database = await openSqlite({ path: folder.file("a.db"), durability: "process" });
  await database.migrate("mine", [first]);
  await database.migrate("mine", [first, second]);
  await database.migrate("mine", [first, second]);
  await database.migrate("other", [{ name: "first", sql: "create table u(a integer)" }]);
  expect(database.reader.get("select count(*) as n from ashlar_migration")).toEqual({ n: 3 });
});

test("a step that was changed after it had been applied is named, and nothing is done", async () => {
  using folder = temporaryFolder();
  await using database = await openSqlite({ path: folder.file("a.db"), durability: "process" });
  await database.migrate("mine", [first]);
  const changed = database.migrate("mine", [{ ...first, sql: "create table t(b text)" }, second]);
  await expect(changed).rejects.toMatchObject({ code: "MIGRATION", family: "mine", step: "first" });
  const renamed = database.migrate("mine", [{ ...first, name: "1st" }]);
  await expect(renamed).rejects.toMatchObject({ code: "MIGRATION", step: "1st" });
});

test("a database of a newer program is refused by an older one", async () => {
  using folder = temporaryFolder();
  await using database = await openSqlite({ path: folder.file("a.db"), durability: "process" });
  await database.migrate("mine", [first, second]);
  await expect(database.migrate("mine", [first])).rejects.toThrow(/newer version/);
});

test("a step that fails leaves nothing of its run behind", async () => {
  using folder = temporaryFolder();
  await using database = await openSqlite({ path: folder.file("a.db"), durability: "process" });
  const broken = database.migrate("mine", [
    first,
    { name: "broken", sql: "create table x(a); insert into nowhere values (1)" },
  ]);
  await expect(broken).rejects.toMatchObject({ code: "SQLITE" });
  expect(database.reader.all("select name from sqlite_schema where type = 'table'")).toEqual([]);
});

test("of two that migrate at once one applies the steps and the other finds them done", async () => {
  using folder = temporaryFolder();
  await using one = await openSqlite({ path: folder.file("a.db"), durability: "process" });
  await using two = await openSqlite({ path: folder.file("a.db"), durability: "process" });
  await Promise.all([one.migrate("mine", [first, second]), two.migrate("mine", [first, second])]);
  expect(two.reader.get("select count(*) as n from ashlar_migration")).toEqual({ n: 2 });
});
