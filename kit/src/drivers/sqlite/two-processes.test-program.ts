// Started by two-processes.real.test.ts: commits rows one by one until it is killed or done, and says so after each commit.
import { openSqlite } from "./mod.ts";

const [path = "", name = "", rows = "0"] = process.argv.slice(2);
await using database = await openSqlite({ path, durability: "process" });
await database.migrate("mine", [
  { name: "table", sql: "create table t(name text, row integer, primary key(name, row)) strict" },
]);
for (let row = 1; row <= Number(rows); row++) {
  await database.group((sql) => sql.run("insert into t values (?, ?)", name, row));
  process.stdout.write(`${row}\n`);
}
