import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { afterEach, expect, test } from "vitest";
import { systemClock } from "../../clock/mod.ts";
import { type Limiter, limiter, type LimiterStore, slidingLog } from "../mod.ts";
import { openSqliteStore } from "./mod.ts";

const program = fileURLToPath(new URL("takers.test-program.ts", import.meta.url));
const children: ChildProcess[] = [];

afterEach(() => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
});

interface Told {
  readonly granted: number;
  readonly down: number;
}

/** A process that takes as fast as it can, from `go` on. */
async function taker(path: string, limit: number, windowMs: number) {
  const child = spawn(process.execPath, ["--conditions=ashlar-source", program, path, `${limit}`, `${windowMs}`], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  children.push(child);
  let said = "";
  child.stdout.on("data", (text: Buffer) => (said += text.toString()));
  await once(child.stdout, "data");
  return {
    go: () => void child.stdin.write("go\n"),
    end: async (): Promise<Told> => {
      child.stdin.end();
      await once(child, "close");
      return JSON.parse(said.split("\n").at(-1) ?? "") as Told;
    },
    kill: async (): Promise<void> => {
      child.kill("SIGKILL");
      await once(child, "close");
    },
  };
}

/** What the takers' log says, however slow the machine is. */
function watching(store: LimiterStore, limit: number, windowMs: number): Limiter {
  const rules = [slidingLog({ limit, windowMs })];
  return limiter({ name: "takers", rules, store, storeDown: "closed", storeTimeoutMs: 60_000 });
}

/** Waits until nothing more passes. */
async function spent(path: string, limit: number, windowMs: number): Promise<void> {
  await using store = await openSqliteStore({ path });
  const watch = watching(store, limit, windowMs);
  while ((await watch.peek("all")).allowed) await systemClock.sleep(20);
}

const sumOf = (told: readonly Told[], name: keyof Told): number => told.reduce((sum, each) => sum + each[name], 0);

async function inFolder(work: (path: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "ashlar-limiter-takers-"));
  try {
    await work(join(folder, "limits.db"));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test("three processes on one file never pass more between them than the limit, and not less", () =>
  inFolder(async (path) => {
    // The window is longer than all of them live.
    const takers = await Promise.all([1, 2, 3].map(() => taker(path, 8_000, 6_000_000)));
    for (const { go } of takers) go();
    await spent(path, 8_000, 6_000_000);
    const told = await Promise.all(takers.map(({ end }) => end()));
    expect(sumOf(told, "down")).toBe(0);
    // The log lets 8,000 pass; the bucket would have let one more pass each 0.75 s.
    expect(sumOf(told, "granted")).toBe(8_000);
    expect(told.filter(({ granted }) => granted > 0).length).toBeGreaterThan(1);
  }));

test("what a process took before it was killed still counts", () =>
  inFolder(async (path) => {
    const { go, kill } = await taker(path, 10, 600_000);
    go();
    await spent(path, 10, 600_000);
    await kill();
    await using store = await openSqliteStore({ path });
    expect(await watching(store, 10, 600_000).take("all")).toMatchObject({ allowed: false, reason: "limit" });
  }));
