import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { programs, startCluster } from "../../drivers/postgres/cluster.test-postgres.ts";
import { openPostgres } from "../../drivers/postgres/mod.ts";
import type { Change } from "../mod.ts";
import { openPostgresEngine } from "./mod.ts";

const run = promisify(execFile);

test("scenario 19: on a full disk a commit fails with StorageError full, nothing acknowledged is lost, and it goes on once there is room", async (context) => {
  const bin = programs();
  if (bin === undefined) return context.skip("no programs of PostgreSQL are installed");
  if (process.getuid?.() !== 0 || process.platform !== "linux")
    return context.skip("a small disk needs Linux and root");
  const disk = mkdtempSync(join(tmpdir(), "ashlar-small-disk-"));
  const sized = (mebibytes: number): string => `size=${mebibytes}m`;
  await run("mount", ["-t", "tmpfs", "-o", `${sized(24)},mode=777`, "tmpfs", disk]);
  try {
    await using cluster = await startCluster(bin);
    await run("chown", ["postgres", disk]);
    {
      await using admin = await openPostgres({ url: cluster.url });
      await admin.query(`create tablespace small location '${disk}'`);
      await admin.query("create database small tablespace small");
    }
    const url = cluster.url.replace(/postgres$/, "small");
    await using engine = await openPostgresEngine({ url, durability: "process" });
    const note = (n: number): Change => ({
      op: "append",
      log: "notes",
      stream: `note-${n}`,
      expected: "new",
      // What does not shrink when it is stored.
      events: [{ type: "Noted", data: JSON.stringify(randomText(60_000)) }],
    });
    let acknowledged = 0;
    const fill = async (): Promise<void> => {
      for (; acknowledged < 1_000; acknowledged++) await engine.commit([note(acknowledged)]);
    };
    await expect(fill()).rejects.toMatchObject({ code: "STORAGE", reason: "full", retryable: true });
    expect(acknowledged).toBeGreaterThan(10);
    const count = async (): Promise<number> =>
      (await engine.read({ log: "notes", after: Number.MAX_SAFE_INTEGER, limit: 1 })).head;
    expect(await count()).toBe(acknowledged);
    await run("mount", ["-o", `remount,${sized(64)}`, disk]);
    expect(await engine.commit([note(acknowledged)])).toMatchObject({ committed: true });
    expect(await count()).toBe(acknowledged + 1);
    expect(await engine.verify()).toEqual([]);
  } finally {
    await run("umount", ["--lazy", disk]);
    rmSync(disk, { recursive: true, force: true });
  }
}, 120_000);

function randomText(length: number): string {
  const bytes = crypto.getRandomValues(new Uint8Array(Math.ceil((length * 3) / 4)));
  return Buffer.from(bytes).toString("base64");
}
