import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { systemClock } from "../../clock/mod.ts";
import type { Claim } from "../mod.ts";
import { openSqliteEngine } from "./mod.ts";

const program = fileURLToPath(new URL("instances.test-program.ts", import.meta.url));

test.runIf(process.platform === "linux")(
  "a message of a killed process is back within seconds, however long its lease, and the bell rings for it",
  async () => {
    const folder = mkdtempSync(join(tmpdir(), "ashlar-instances-"));
    try {
      const path = join(folder, "a.db");
      await using engine = await openSqliteEngine({ path, durability: "process" });
      await engine.commit([{ op: "enqueue", queue: "q", messages: [{ body: "job" }] }]);
      const child = spawn(process.execPath, ["--conditions=ashlar-source", program, path]);
      expect(String((await once(child.stdout, "data"))[0])).toBe("1\n");
      // Hung before the kill: it does not ring again for who comes after the rescue. It may still ring for what the child did.
      const found = Promise.withResolvers<readonly Claim[]>();
      const look = async (): Promise<void> => {
        const { claims } = await engine.claim({ queue: "q", count: 1, leaseMs: 60_000 });
        if (claims.length > 0) found.resolve(claims);
      };
      using _ = engine.bell(["queue:q"], () => void look().catch(found.reject));
      child.kill("SIGKILL");
      await once(child, "exit");
      const startedMs = systemClock.monotonic();
      expect(await found.promise).toMatchObject([{ body: "job", crashes: 1, attempt: 1 }]);
      expect(systemClock.monotonic() - startedMs).toBeLessThan(3000);
    } finally {
      rmSync(folder, { recursive: true });
    }
  },
);

test.runIf(process.platform === "linux")(
  "a process that opens the file takes over at once what a killed one has left",
  async () => {
    const folder = mkdtempSync(join(tmpdir(), "ashlar-instances-"));
    try {
      const path = join(folder, "a.db");
      const before = await openSqliteEngine({ path, durability: "process" });
      await before.commit([{ op: "enqueue", queue: "q", messages: [{ body: "job" }] }]);
      await before[Symbol.asyncDispose]();
      const child = spawn(process.execPath, ["--conditions=ashlar-source", program, path]);
      await once(child.stdout, "data");
      child.kill("SIGKILL");
      await once(child, "exit");
      await using engine = await openSqliteEngine({ path, durability: "process" });
      const { claims } = await engine.claim({ queue: "q", count: 1, leaseMs: 1000 });
      expect(claims).toMatchObject([{ body: "job", crashes: 1 }]);
    } finally {
      rmSync(folder, { recursive: true });
    }
  },
);

test("an engine whose entry was taken out by mistake writes it down again", async () => {
  const folder = mkdtempSync(join(tmpdir(), "ashlar-instances-"));
  try {
    await using engine = await openSqliteEngine({ path: join(folder, "a.db"), durability: "process" });
    const entries = (): unknown => engine.sql.get<{ n: number }>("select count(*) as n from ashlar_instance")?.n;
    await engine.transaction((tx) => tx.sql.run("delete from ashlar_instance"));
    expect(entries()).toBe(0);
    while (entries() === 0) await systemClock.sleep(20);
    expect(entries()).toBe(1);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test.runIf(process.platform === "linux")("a process without a file to open takes nobody for gone", async () => {
  const starved = fileURLToPath(new URL("process-identity.test-program.ts", import.meta.url));
  const command = `ulimit -n 64; exec "${process.execPath}" --conditions=ashlar-source "${starved}"`;
  const child = spawn("sh", ["-c", command], { stdio: ["ignore", "pipe", "inherit"] });
  expect(String((await once(child.stdout, "data"))[0])).toBe("false false\n");
});
