import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as pause } from "node:timers/promises";
import { seededRandom } from "ashlar/random";
import { expect, test } from "vitest";
import { writeMadeOrders } from "./made-orders.test-data.ts";
import { orderFile } from "./order-files.test-data.ts";

const killsWhileReplaying = 50;
const killsWhileClosing = 6;

test(
  "a replay that is killed at 56 random moments ends with the totals of one that was left alone",
  { timeout: 600_000 },
  async () => {
    const folder = mkdtempSync(join(tmpdir(), "shop-kill-"));
    try {
      const file = orderFile("orders-2010-12.csv.gz") ?? madeFile(folder);
      const alone = { file, data: join(folder, "undisturbed") };
      const undisturbed = await replayToEnd(alone);
      const killed = { file, data: join(folder, "killed") };
      const random = seededRandom("kill moments");
      const seen: number[] = [];
      // With what a replay does at once before it can be seen to have moved, the moments spread over most of it and not beyond its end.
      const longestMs = (undisturbed.seconds * 1_000 * 2) / 150;
      // On a machine that was busy while it was left alone, and is so no longer, they would.
      const mostEffects = effectsIn(alone.data) / 75;
      for (let kills = 0; kills < killsWhileReplaying; kills++)
        seen.push(await killAfterProgress(killed, { delayMs: random.next() * longestMs, mostEffects }));
      for (let kills = 0; kills < killsWhileClosing; kills++) await killInPhase(killed, random);
      expect(new Set(seen).size).toBe(killsWhileReplaying);
      const resumed = await replayToEnd(killed);
      expect(withoutTimes(resumed)).toEqual(withoutTimes(undisturbed));
      expect(resumed.notifications.duplicates).toBe(0);
      expect(resumed.invariants.filter((invariant) => !invariant.ok)).toEqual([]);
    } finally {
      rmSync(folder, { recursive: true });
    }
  },
);

interface Report {
  readonly seconds: number;
  readonly notifications: { readonly duplicates: number };
  readonly invariants: readonly { readonly name: string; readonly ok: boolean }[];
}

interface Replay {
  readonly file: string;
  readonly data: string;
}

function madeFile(folder: string): string {
  const path = join(folder, "orders.csv");
  writeMadeOrders(path, { invoices: 2_000, seed: 7 });
  return path;
}

function start({ file, data }: Replay): ChildProcess {
  const main = join(import.meta.dirname, "main.js");
  const options = ["--data", data, "--stock", "tight", "--faults", "some", "--seed", "7", "--limit", "2000", "--json"];
  return spawn(process.execPath, ["--conditions=ashlar-source", main, "replay", file, ...options], {
    stdio: ["ignore", "pipe", "pipe"],
  });
}

/** Runs to the end. Every invariant must hold: that is what exit status 0 says. */
async function replayToEnd(replay: Replay): Promise<Report> {
  const child = start(replay);
  let output = "";
  let notes = "";
  child.stdout?.on("data", (chunk: Buffer) => (output += chunk.toString()));
  child.stderr?.on("data", (chunk: Buffer) => (notes += chunk.toString()));
  const [code] = (await once(child, "close")) as [number | null];
  if (code !== 0) throw new Error(`status ${code}\n${notes}\n${output}`);
  return JSON.parse(output.trimEnd().split("\n").at(-1) ?? "") as Report;
}

/** Lets the replay come further than it was, and kills it so many milliseconds, or effects, later. Returns how far it was. */
async function killAfterProgress(
  replay: Replay,
  { delayMs, mostEffects }: { readonly delayMs: number; readonly mostEffects: number },
): Promise<number> {
  const before = effectsIn(replay.data);
  const child = start(replay);
  const closed = once(child, "close");
  while (effectsIn(replay.data) <= before && child.exitCode === null) await pause(2);
  const untilMs = performance.now() + delayMs;
  while (performance.now() < untilMs && effectsIn(replay.data) < before + mostEffects) await pause(2);
  if (child.exitCode !== null) throw new Error("the replay ended before its time");
  child.kill("SIGKILL");
  await closed;
  return effectsIn(replay.data);
}

/** Kills the replay while it comes to its end, or after it has begun to audit. */
async function killInPhase(replay: Replay, random: { next(): number }): Promise<void> {
  const child = start(replay);
  const closed = once(child, "close");
  const phase = random.next() < 0.5 ? "finishing" : "auditing";
  let notes = "";
  child.stderr?.on("data", (chunk: Buffer) => (notes += chunk.toString()));
  while (!notes.includes(phase) && child.exitCode === null) await pause(1);
  await pause(random.next() * 20);
  child.kill("SIGKILL");
  await closed;
}

/** How many things were done in the outside world: what a replay that makes progress adds to. */
function effectsIn(data: string): number {
  return ["provider", "carrier", "channels"].reduce((sum, name) => sum + effectsOf(data, name), 0);
}

function effectsOf(data: string, name: string): number {
  const path = join(data, `outside-${name}.db`);
  if (!existsSync(path)) return 0;
  const database = new DatabaseSync(path, { readOnly: true });
  try {
    return Number(database.prepare("select coalesce(max(id), 0) as effects from effect").get()?.["effects"]);
  } catch {
    // The killed process had not made its tables.
    return 0;
  } finally {
    database.close();
  }
}

function withoutTimes(report: Report): Record<string, unknown> {
  const { seconds: _, ...rest } = report;
  return { ...rest, ordersPerSecond: undefined, stepLatencyMs: undefined };
}
