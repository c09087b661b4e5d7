import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { systemClock } from "../../clock/mod.ts";
import { openSqlite } from "./mod.ts";
import { temporaryFolder } from "./temporary.test-folder.ts";

const program = fileURLToPath(new URL("two-processes.test-program.ts", import.meta.url));

function start(...values: readonly string[]): { readonly child: ChildProcess; readonly said: () => number } {
  const child = spawn(process.execPath, ["--conditions=ashlar-source", program, ...values], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let said = "";
  child.stdout.on("data", (text: Buffer) => (said += text.toString()));
  return { child, said: () => said.split("\n").length - 1 };
}

test("several processes write to one file, each commit once, none starves", async () => {
  using folder = temporaryFolder();
  const writers = ["a", "b", "c"].map((name) => start(folder.file("a.db"), name, "300"));
  const codes = await Promise.all(writers.map(async ({ child }) => (await once(child, "exit"))[0] as number));
  expect(codes).toEqual([0, 0, 0]);
  await using database = await openSqlite({ path: folder.file("a.db"), durability: "process" });
  expect(database.reader.get("select count(*) as n from t")).toEqual({ n: 900 });
  expect(database.integrityFaults()).toEqual([]);
});

test("what was acknowledged is there after kill -9, and the file is sound", async () => {
  using folder = temporaryFolder();
  for (let round = 0; round < 4; round++) {
    const { child, said } = start(folder.file("a.db"), `r${round}`, "1000000");
    while (said() < 50 * (round + 1)) await once(child.stdout ?? child, "data");
    child.kill("SIGKILL");
    await once(child, "exit");
    await using database = await openSqlite({ path: folder.file("a.db"), durability: "process" });
    const row = database.reader.get<{ n: number; last: number }>(
      "select count(*) as n, max(row) as last from t where name = ?",
      `r${round}`,
    );
    expect(row?.last).toBeGreaterThanOrEqual(said());
    expect(row?.n).toBe(row?.last);
    expect(database.integrityFaults()).toEqual([]);
  }
});

test("a row of slow transactions lets another writer in between", async () => {
  using folder = temporaryFolder();
  const path = folder.file("a.db");
  await using slow = await openSqlite({ path, durability: "process" });
  await slow.group((sql) => sql.run("create table t(a text)"));
  await using other = await openSqlite({ path, durability: "process" });
  await other.group((sql) => sql.run("insert into t values ('other')"));
  let left = 60;
  const row = Array.from({ length: left }, () =>
    slow.transaction(async (tx) => {
      await systemClock.sleep(25);
      tx.run("insert into t values ('slow')");
      left--;
    }),
  );
  await systemClock.sleep(200);
  await other.group((sql) => sql.run("insert into t values ('other')"));
  expect(left).toBeGreaterThan(0);
  await Promise.all(row);
});
