import { expect, test } from "vitest";
import { gate } from "../../abort/mod.ts";
import { checkpointer } from "./checkpoint.ts";
import { connectToFile, connectWriter } from "./connect.ts";
import { session } from "./session.ts";
import { temporaryFolder } from "./temporary.test-folder.ts";

test("a long log is copied once it has been flushed, and meanwhile nobody waits", async () => {
  using folder = temporaryFolder();
  using database = connectWriter(folder.file("a.db"), { durability: "process", connect: connectToFile });
  const writer = session(database);
  writer.exec("create table t(body blob)");
  const flushed = gate();
  let flushes = 0;
  const checkpoints = checkpointer(writer, () => {
    flushes++;
    return flushed.promise;
  });
  const copied = () => writer.get<{ checkpointed: number }>("pragma wal_checkpoint(noop)")?.checkpointed;
  const commits = (count: number) => {
    for (let commit = 0; commit < count; commit++) checkpoints.committed();
    return checkpoints.betweenGroups();
  };
  writer.run("insert into t values (zeroblob(20000000))");
  for (let turn = 0; turn < 3; turn++) expect(commits(100)).toBe("done");
  expect({ flushes, copied: copied() }).toEqual({ flushes: 1, copied: 0 });
  flushed.open();
  await flushed.promise;
  expect(commits(1)).toBe("done");
  expect(copied()).toBeGreaterThan(4_000);
  expect(flushes).toBe(1);
});
