import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { openSqliteEngine } from "../engine/sqlite/mod.ts";
import { openRegistry } from "./registry.ts";

const program = join(import.meta.dirname, "instance.test-program.ts");

async function start(path: string, address: string): Promise<ChildProcess> {
  const child = fork(program, [path, address]);
  await once(child, "message");
  return child;
}

async function until(isMet: () => boolean, withinMs: number): Promise<number> {
  const startedMs = performance.now();
  while (!isMet()) {
    if (performance.now() - startedMs > withinMs) throw new Error(`not met within ${withinMs} ms`);
    await new Promise((next) => setTimeout(next, 5));
  }
  return performance.now() - startedMs;
}

test("processes on one file see each other come, leave, die and come back from a freeze", async () => {
  const folder = mkdtempSync(join(tmpdir(), "registry-"));
  const path = join(folder, "registry.db");
  const children: ChildProcess[] = [];
  try {
    await using engine = await openSqliteEngine({ path, durability: "process" });
    await using registry = await openRegistry({ engine, leaseMs: 2_000, pollMs: 100 });
    let addresses: readonly string[] = [];
    let ids: readonly string[] = [];
    using _ = registry.follow("orders@1", (endpoints) => {
      addresses = endpoints.map(({ address }) => address).toSorted();
      ids = endpoints.map(({ id }) => id);
    });
    for (const address of ["a", "b", "c"]) children.push(await start(path, address));
    const [killed, left, frozen] = children;
    await until(() => addresses.join() === "a,b,c", 2_000);

    killed?.kill("SIGKILL");
    // The lease that was renewed last may be as young as the kill.
    expect(await until(() => addresses.join() === "b,c", 3_000)).toBeLessThan(2_500);

    left?.kill("SIGTERM");
    expect(await until(() => addresses.join() === "c", 2_000)).toBeLessThan(1_000);

    const before = ids.join();
    frozen?.kill("SIGSTOP");
    await until(() => addresses.length === 0, 3_000);
    frozen?.kill("SIGCONT");
    await until(() => addresses.join() === "c", 3_000);
    expect(ids).toHaveLength(1);
    expect(ids.join()).not.toBe(before);
  } finally {
    for (const child of children) child.kill("SIGKILL");
    rmSync(folder, { recursive: true });
  }
}, 30_000);
