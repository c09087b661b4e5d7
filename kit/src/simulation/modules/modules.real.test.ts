import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { expect, test } from "vitest";

const program = fileURLToPath(new URL("modules.test-program.ts", import.meta.url));

function ran(...args: readonly string[]): string {
  const child = spawnSync(process.execPath, [program, ...args], { encoding: "utf8", timeout: 60_000 });
  if (child.status !== 0) throw new Error(child.stderr);
  return child.stdout.trim();
}

interface Seen {
  readonly hash: string;
  readonly virtualMs: number;
  readonly log: readonly string[];
  readonly fault?: string;
}

test("a program that imports timers, files, chance and http directly runs in the world, crash included", () => {
  const { log, virtualMs, fault } = JSON.parse(ran("1")) as Seen;
  expect(fault).toBeUndefined();
  expect(log).toHaveLength(14);
  expect(log.slice(0, 2)).toEqual(["start 1", "start 2"]);
  const answers = log.filter((line) => / question \d+ /.test(line));
  const failures = log.filter((line) => /Error at /.test(line));
  expect(answers.length).toBeGreaterThan(5);
  expect(failures.length).toBeGreaterThan(0);
  // The variables of the program died with its first process.
  expect(answers.filter((line) => line.startsWith("1 "))).toHaveLength(2);
  expect(answers[0]).toMatch(
    /^1 question 0 [0-9a-f-]{36} after \d+(\.\d+)? at 17672256000?\d+ Thu, 01 Jan 2026 00:00:00 GMT$/,
  );
  expect(virtualMs).toBeGreaterThan(1_000);
});

test("the same seed gives the same bytes, another seed others", () => {
  const first = ran("5");
  expect(ran("5")).toBe(first);
  expect((JSON.parse(ran("6")) as Seen).hash).not.toBe((JSON.parse(first) as Seen).hash);
});

test("what cannot be simulated is refused by name", () => {
  const folder = mkdtempSync(join(tmpdir(), "add-on-"));
  const addOn = join(folder, "native.node");
  writeFileSync(addOn, "");
  for (const name of ["worker_threads", "cluster", "child_process", "https"])
    expect(ran("1", `node:${name}`)).toContain(`simulation does not support node:${name}`);
  expect(ran("1", pathToFileURL(addOn).href)).toContain("the native add-on");
  rmSync(folder, { recursive: true });
});
