import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { openSqlite } from "../../drivers/sqlite/mod.ts";
import { insertRows, RowBatch } from "./row-batch.ts";

test("any number of rows is written, each once and in order, and what was forgotten is not", async () => {
  const folder = mkdtempSync(join(tmpdir(), "ashlar-rows-"));
  {
    await using database = await openSqlite({ path: join(folder, "a.db"), durability: "process" });
    await database.group((sql) => sql.run("create table t(id integer primary key, at integer, text text) strict"));
    const batch = new RowBatch(database.writer, insertRows("insert into t(at, text)", "(?, ?)"));
    for (const count of [0, 1, 3, 4, 7, 15, 16, 17, 39]) {
      await database.shared(() => {
        database.writer.run("delete from t");
        batch.add(-1, "forgotten");
        batch.forget();
        for (let at = 0; at < count; at++) batch.add(at, `row ${at}`);
        batch.flush();
      });
      const rows = database.reader.all<{ at: number; text: string }>("select at, text from t order by id");
      expect(rows.map(({ at, text }) => [at, text])).toEqual(
        Array.from({ length: count }, (_, at) => [at, `row ${at}`]),
      );
    }
  }
  rmSync(folder, { recursive: true });
});
