import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const program = fileURLToPath(new URL("command.test-program.ts", import.meta.url));

function sim(...args: readonly string[]): { readonly code: number | null; readonly output: string } {
  const child = spawnSync(process.execPath, [program, ...args], { encoding: "utf8", timeout: 60_000 });
  return { code: child.status, output: child.stdout + child.stderr };
}

test("a fleet that finds a bug shrinks it, prints how to see it again, and that shows it again", () => {
  const { code, output } = sim("missing-sync", "--seeds", "40");
  expect(code).toBe(1);
  expect(output).toMatch(/^missing-sync: \d+ of 40 seeds passed/m);
  expect(output).toContain("fault: crash");
  const replay = /again: sim (.+)$/m.exec(output)?.[1] ?? "";
  expect(replay).toMatch(/^missing-sync --seed \d+ --strategy \S+ --faults (none|[\d,]+) --until \d+$/);
  const words = replay.split(" ");
  const again = sim(...words.slice(0, -2));
  expect(again.code).toBe(1);
  const [, message] = /^ {2}(Error: stored: .+)$/m.exec(output) ?? [];
  expect(again.output).toContain(message);
  const stopped = sim(...words);
  expect(stopped.code).toBe(0);
  expect(stopped.output).toContain(`stopped before event ${words.at(-1)}`);
});

test("a fleet without a failure ends well, and with something that never happened it does not", () => {
  expect(sim("sound", "--seeds", "20")).toMatchObject({ code: 0 });
  const { code, output } = sim("never-happens", "--seeds", "100");
  expect(code).toBe(1);
  expect(output).toContain("never happened: a miracle");
});

test("a wrong command says what there is", () => {
  const { code, output } = sim("unknown");
  expect(code).toBe(2);
  expect(output).toContain("there is no scenario unknown; there are missing-sync, sound, never-happens");
  expect(sim("missing-sync", "--strategy", "lucky").output).toContain("fifo, random, or pct:N");
});

test("help says what can be asked, and is no failure", () => {
  const { code, output } = sim("--help");
  expect(code).toBe(0);
  expect(output).toContain("scenarios: missing-sync, sound, never-happens");
  expect(output).toContain("--until EVENT  stops there");
});
