import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { systemClock } from "../clock/mod.ts";
import { openSqliteEngine } from "../engine/sqlite/mod.ts";
import { seededRandom } from "../random/mod.ts";
import { openWriteBehind } from "./write-behind.ts";

const program = fileURLToPath(new URL("write-behind.test-process.ts", import.meta.url));

/** Runs the process until it has acknowledged so many writes, kills it so much later, and answers all it has acknowledged. */
async function killed(file: string, round: number, after: { acks: number; ms: number }): Promise<readonly string[]> {
  const flags = ["--conditions=ashlar-source", "--disable-warning=ExperimentalWarning"];
  const child = spawn(process.execPath, [...flags, program, file, `${round}`], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let text = "";
  const ended = new Promise<void>((resolve) => child.on("close", () => resolve()));
  const enough = new Promise<void>((resolve) => {
    child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
      text += chunk;
      if (text.split("\n").length > after.acks) resolve();
    });
  });
  await Promise.race([enough, ended]);
  await systemClock.sleep(after.ms);
  child.kill("SIGKILL");
  await ended;
  return text.split("\n").slice(0, -1);
}

test("nothing that was acknowledged is lost when the process is killed again and again, and no key falls back", async () => {
  const folder = mkdtempSync(join(tmpdir(), "ashlar-write-behind-"));
  try {
    const file = join(folder, "writes.db");
    const random = seededRandom(20_261_121);
    const acknowledged: string[] = [];
    for (let round = 0; round < 5; round++)
      acknowledged.push(...(await killed(file, round, { acks: random.integer(30, 200), ms: random.integer(0, 25) })));
    const source = new Map<string, { value: string; version: number }>();
    for (const line of readFileSync(`${file}.source`, "utf8").trim().split("\n")) {
      const [key = "", value = "", version = ""] = line.split(" ");
      source.set(key, { value, version: Number(version) });
    }
    await using engine = await openSqliteEngine({ path: file, durability: "process" });
    const fallen: string[] = [];
    await using behind = await openWriteBehind<string>({
      engine,
      name: "kill",
      waitMs: 0,
      store: async (writes) => {
        for (const { key, value = "", version } of writes) {
          if ((source.get(key)?.version ?? 0) > version) fallen.push(key);
          source.set(key, { value, version });
        }
      },
    });
    while ((await behind.queue.status()).depth > 0) await systemClock.sleep(20);
    const order = (value: string): number => {
      const [round = "", write = ""] = value.split("-");
      return Number(round) * 1_000_000 + Number(write);
    };
    const last = new Map(acknowledged.map((line) => line.split(" ") as [string, string]));
    expect(acknowledged.length).toBeGreaterThan(150);
    expect(fallen).toEqual([]);
    // The write after the last acknowledged one may have arrived as well; nothing older may be there.
    const lost = [...last].filter(([key, value]) => order(source.get(key)?.value ?? "0-0") < order(value));
    expect(lost).toEqual([]);
    expect((await behind.queue.status()).dead).toBe(0);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
