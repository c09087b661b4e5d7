import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import {
  type ChildReport,
  openSupervisor,
  type OpenSupervisorOptions,
  type OutputLine,
  type Supervisor,
} from "./mod.ts";

const module = fileURLToPath(new URL("service.test-program.ts", import.meta.url));
const nodeArgs = ["--conditions=ashlar-source"];
const orders = { name: "orders", module, nodeArgs, args: ["serve"] };

async function opened(options: Partial<OpenSupervisorOptions> = {}): Promise<Supervisor> {
  return openSupervisor({ children: [orders], onOutput: () => undefined, restart: { firstMs: 20 }, ...options });
}

async function until(what: string, isTrue: () => boolean, withinMs = 10_000): Promise<void> {
  const endMs = performance.now() + withinMs;
  while (!isTrue()) {
    if (performance.now() > endMs) throw new Error(`${what} did not come true in ${withinMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  // An orphan that has exited answers to signal 0 until the machine's first process takes note of it; Linux says so.
  const status = `/proc/${pid}/status`;
  return !existsSync(status) || !/^State:\s+[ZX]/m.test(readFileSync(status, "utf8"));
}

function first({ children }: Supervisor): ChildReport & { readonly pid: number } {
  const [report] = children;
  if (report?.pid === undefined) throw new Error("the first child has no process");
  return { ...report, pid: report.pid };
}

test("a child killed with kill -9 is started again, under a new address", async () => {
  await using supervisor = await opened();
  await supervisor.whenReady();
  const { pid, address } = first(supervisor);
  process.kill(pid, "SIGKILL");
  await until("the new process", () => supervisor.children[0]?.state === "ready" && supervisor.children[0].pid !== pid);
  expect(first(supervisor).address).not.toBe(address);
  expect(supervisor.events.map(({ reason }) => reason)).toContain("was killed by SIGKILL");
});

test("a crash loop and a program that is not there are given up, and the others go on", async () => {
  const lines: OutputLine[] = [];
  await using supervisor = await opened({
    children: [
      orders,
      { ...orders, name: "broken", args: ["crash"] },
      { name: "absent", command: "no-such-program-anywhere" },
    ],
    restart: { firstMs: 5, crashesMax: 2 },
    onOutput: (line) => lines.push(line),
  });
  await until("two are given up", () => supervisor.children.filter(({ state }) => state === "failed").length === 2);
  await until("the other is ready", () => supervisor.children[0]?.state === "ready");
  expect(supervisor.children.slice(1).map(({ restarts }) => restarts)).toEqual([2, 2]);
  expect(supervisor.children[1]?.reason).toBe("exited with 3");
  expect(supervisor.children[2]?.reason).toContain("ENOENT");
  await until("the output", () => lines.filter(({ name }) => name === "broken").length === 3);
  expect(lines).toContainEqual({ name: "broken", instance: 0, stream: "stdout", text: "about to crash" });
  expect(lines).toContainEqual({ name: "orders", instance: 0, stream: "stdout", text: "orders serves" });
});

test("a child that is stopped by SIGSTOP is found, killed and replaced", async () => {
  await using supervisor = await opened({ heartbeatMs: 100, missedMax: 5 });
  await supervisor.whenReady();
  const { pid } = first(supervisor);
  process.kill(pid, "SIGSTOP");
  await until("the new process", () => supervisor.children[0]?.state === "ready" && supervisor.children[0].pid !== pid);
  expect(isAlive(pid)).toBe(false);
  expect(supervisor.events.map(({ reason }) => reason)).toContain("is frozen: 5 heartbeats were missed");
});

test("what a stopped child does not read is refused beyond a bound, not kept in memory", async () => {
  await using supervisor = await opened({ stopGraceMs: 50, heartbeatMs: 60_000 });
  await supervisor.whenReady();
  process.kill(first(supervisor).pid, "SIGSTOP");
  const body = "x".repeat(100_000);
  let sent = 0;
  for (let round = 0; round < 500; round++) {
    sent += supervisor.send("orders", body);
    if (round % 50 === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  }
  expect(sent).toBeGreaterThan(0);
  expect(sent).toBeLessThan(150);
});

test("a reload under load drops no call", async () => {
  const told = { answered: 0, failed: 0, processes: 0 };
  await using supervisor = await opened({
    children: [
      { ...orders, instances: 2 },
      { ...orders, name: "caller", args: ["call"], after: ["orders"] },
    ],
    onMessage: (_, body) => void Object.assign(told, body),
  });
  await supervisor.whenReady();
  await until("calls are answered", () => told.answered > 50 && told.processes === 2);
  const before = supervisor.children.map(({ pid }) => pid);
  expect(await supervisor.reload("orders")).toEqual({ outcome: "replaced", replaced: 2, reason: "" });
  await until("the new ones are called", () => told.processes === 4);
  expect(told.failed).toBe(0);
  const after = supervisor.children.map(({ pid }) => pid);
  expect(after.filter((pid) => before.includes(pid))).toEqual([before[2]]);
  expect(before.slice(0, 2).some((pid) => pid !== undefined && isAlive(pid))).toBe(false);
});

test("stopping ends every process, also one that ignores SIGTERM", async () => {
  const supervisor = await opened({
    children: [orders, { ...orders, name: "stubborn", args: ["stubborn"] }],
    stopGraceMs: 300,
  });
  await supervisor.whenReady();
  const pids = supervisor.children.map(({ pid }) => pid ?? 0);
  await supervisor[Symbol.asyncDispose]();
  expect(pids.some(isAlive)).toBe(false);
});

describe("a supervisor that is killed with kill -9", () => {
  test("leaves no orphan after their grace of 1 s, not even one that does not finish draining", async () => {
    const program = fileURLToPath(new URL("supervisor.test-program.ts", import.meta.url));
    const supervisor = spawn(process.execPath, [...nodeArgs, program], { stdio: ["ignore", "pipe", "inherit"] });
    const [output] = (await once(supervisor.stdout, "data")) as [Buffer];
    const pids = JSON.parse(output.toString()) as number[];
    expect([pids.length, pids.every(isAlive)]).toEqual([3, true]);
    supervisor.kill("SIGKILL");
    await once(supervisor, "exit");
    const killedAtMs = performance.now();
    await until("no orphan is left", () => !pids.some(isAlive), 3_000);
    // The one that does not drain is there until its grace is over; half of it leaves room for a late clock.
    expect(performance.now() - killedAtMs).toBeGreaterThan(500);
  });
});

test("messages that cannot be sent do not make a child deaf for those that can", async () => {
  await using supervisor = await opened();
  await supervisor.whenReady();
  for (let count = 0; count < 100; count++) expect(() => supervisor.send("orders", { sum: 1n })).toThrow(TypeError);
  expect(supervisor.send("orders", { sum: 1 })).toBe(1);
});
