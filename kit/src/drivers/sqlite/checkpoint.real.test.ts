import { spawn } from "node:child_process";
import { once } from "node:events";
import { statSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { systemClock } from "../../clock/mod.ts";
import { openSqlite } from "./mod.ts";
import { temporaryFolder } from "./temporary.test-folder.ts";

const program = fileURLToPath(new URL("checkpoint.test-program.ts", import.meta.url));

async function write(path: string, lanes: number, rows: number): Promise<number> {
  const child = spawn(process.execPath, ["--conditions=ashlar-source", program, path, String(lanes), String(rows)], {
    stdio: "inherit",
  });
  return (await once(child, "exit"))[0] as number;
}

test("the log stays bounded while two processes write and neither ever rests", async () => {
  using folder = temporaryFolder();
  const path = folder.file("a.db");
  await using database = await openSqlite({ path, durability: "process" });
  // Rows at random places: the log grows by more than a page a row.
  await database.group((sql) => sql.run("create table t(key integer primary key, body text)"));
  const ended = new AbortController();
  const writing = Promise.all([write(path, 64, 60_000), write(path, 16, 20_000)]).finally(() => ended.abort());
  let largest = 0;
  while (!ended.signal.aborted) {
    largest = Math.max(largest, statSync(`${path}-wal`).size);
    await systemClock.sleep(50);
  }
  expect(await writing).toEqual([0, 0]);
  // 64 MB, and what is written until the log can begin anew; a log that never did was 740 MB.
  expect(largest).toBeLessThan(256 * 2 ** 20);
}, 60_000);
