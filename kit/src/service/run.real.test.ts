import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { CallsClient } from "../contract/mod.ts";
import { openSqliteEngine } from "../engine/sqlite/mod.ts";
import { openRegistry } from "../registry/mod.ts";
import { accounts, bank, transfers } from "./bank.test-program.ts";
import { openNode } from "./open-node.ts";
import { run, type Running } from "./run.ts";

const program = join(import.meta.dirname, "bank.test-program.ts");
const silent = (): void => undefined;

async function inFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "bank-"));
  try {
    await work(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function runHere(argv: readonly string[]): Promise<Running> {
  // Killed on purpose, and more often than anything that should be given up on.
  const restart = { crashesMax: 1_000, capMs: 200 };
  return run(bank, { argv: [...argv], env: {}, module: program, signals: "leave", log: silent, restart });
}

async function until(isMet: () => Promise<boolean>, withinMs: number): Promise<void> {
  const startedMs = performance.now();
  while (!(await isMet())) {
    if (performance.now() - startedMs > withinMs) throw new Error(`not met within ${withinMs} ms`);
    await new Promise((next) => setTimeout(next, 10));
  }
}

/** Moves money between ten accounts, several at once; each move is repeated under its key until it is answered. */
async function moveMuch(client: CallsClient<(typeof transfers)["calls"]>, moves: number, paceMs = 0): Promise<void> {
  let next = 0;
  const lane = async (): Promise<void> => {
    for (let move = next++; move < moves; move = next++) {
      const input = { from: `a${move % 10}`, to: `a${(move * 7 + 3) % 10}`, amount: (move % 5) + 1 };
      for (let attempt = 1; ; attempt++)
        try {
          await client.move(input, { key: `move-${move}` });
          await new Promise((again) => setTimeout(again, paceMs));
          break;
        } catch (error) {
          if (attempt === 50) throw error;
          await new Promise((again) => setTimeout(again, 50));
        }
    }
  };
  await Promise.all(Array.from({ length: 8 }, lane));
}

async function fill(running: Pick<Running, "client">): Promise<void> {
  const client = running.client(accounts);
  await Promise.all(
    Array.from({ length: 10 }, (_, index) =>
      client.add({ account: `a${index}`, amount: 1_000 }, { key: `fill-${index}` }),
    ),
  );
}

test("in one process, in several, and as if remote: the same totals, and each event heard once", async () => {
  for (const flags of [[], ["--as-if-remote", "7"], ["--spread"]])
    await inFolder(async (folder) => {
      await using running = await runHere([...flags, "--data", folder]);
      await fill(running);
      await moveMuch(running.client(transfers), 60);
      const { total, pid } = await running.client(accounts).total({});
      expect(total).toBe(10_000);
      expect(pid === process.pid).toBe(flags[0] !== "--spread");
      const heard = (): Promise<{ events: number; sum: number }> => running.client(transfers).heard({});
      await until(async () => (await heard()).events === 130, 20_000);
      expect(await heard()).toEqual({ events: 130, sum: 10_000 });
      const counted: number[] = [];
      for await (const { n } of running.client(transfers).count({ to: 100 })) counted.push(n);
      expect(counted).toHaveLength(100);
      const refused = running.client(accounts).add({ account: "poor", amount: -1 });
      await expect(refused).rejects.toMatchObject({ failure: "overdrawn", data: { balance: 0 } });
      expect((await running.health.report()).state).toBe("ready");
    });
}, 60_000);

test("a queue with an output answers who asked, wherever the handler runs, and once a key", async () => {
  for (const flags of [[], ["--as-if-remote", "7"], ["--spread"]])
    await inFolder(async (folder) => {
      await using running = await runHere([...flags, "--data", folder]);
      const client = running.client(transfers);
      const ask = (): Promise<{ fee: number; quotes: number }> => client.quote({ amount: 250 }, { key: "quote-1" });
      const [first, second] = await Promise.all([ask(), ask()]);
      expect(first).toMatchObject({ fee: 3 });
      expect(second).toEqual(first);
      expect(await ask()).toEqual(first);
      await expect(client.quote({ amount: 2_000_000 })).rejects.toMatchObject({ code: "FAULT", retryable: false });
      await expect(client.quote({ amount: 0 })).rejects.toMatchObject({ code: "VALIDATION" });
    });
}, 60_000);

test("a spread system whose processes are killed again and again loses and doubles nothing", async () => {
  await inFolder(async (folder) => {
    await using running = await runHere(["--spread", "--data", folder]);
    if (running.placement.kind !== "several processes") throw new Error("it is spread");
    const { supervisor } = running.placement.spread;
    await fill(running);
    // So many and no more: on a busy machine a process takes longer to start than the next kill to come.
    let killsLeft = 15;
    const killer = setInterval(() => {
      const [one, other] = supervisor.children;
      const victim = Math.random() < 0.5 ? one : other;
      if (victim?.pid === undefined || victim.state !== "ready" || killsLeft-- <= 0) return;
      process.kill(victim.pid, "SIGKILL");
    }, 400);
    try {
      await moveMuch(running.client(transfers), 300, 100);
    } finally {
      clearInterval(killer);
    }
    await supervisor.whenReady();
    expect(supervisor.children.reduce((sum, { restarts }) => sum + restarts, 0)).toBeGreaterThan(0);
    expect((await running.client(accounts).total({})).total).toBe(10_000);
    await until(async () => (await running.client(transfers).heard({})).events === 610, 30_000);
    expect((await running.client(transfers).heard({})).sum).toBe(10_000);
  });
}, 90_000);

test("a service of a spread system is replaced without a call that fails", async () => {
  await inFolder(async (folder) => {
    await using running = await runHere(["--spread", "--data", folder]);
    if (running.placement.kind !== "several processes") throw new Error("it is spread");
    const { supervisor } = running.placement.spread;
    await fill(running);
    const client = running.client(accounts);
    const done = new AbortController();
    const pids = new Set<number>();
    const caller = async (): Promise<void> => {
      while (!done.signal.aborted) pids.add((await client.total({})).pid);
    };
    const callers = Array.from({ length: 4 }, caller);
    expect(await supervisor.reload("accounts")).toMatchObject({ outcome: "replaced" });
    await until(async () => pids.size === 2, 5_000);
    done.abort();
    await Promise.all(callers);
  });
}, 60_000);

test("replicas find each other by the registry, and calls go on when one is killed or leaves", async () => {
  await inFolder(async (folder) => {
    const children: ChildProcess[] = [];
    const start = async (only: string): Promise<ChildProcess> => {
      const child = fork(program, ["--only", only, "--data", folder], { silent: true });
      children.push(child);
      await once(child, "message");
      return child;
    };
    try {
      const first = await start("accounts");
      const second = await start("accounts");
      await start("transfers");
      await using engine = await openSqliteEngine({ path: join(folder, "registry.db"), durability: "process" });
      await using registry = await openRegistry({ engine });
      await using node = await openNode(bank, { directory: registry, identity: "test", only: [], folder });
      await fill(node.services);
      const client = node.services.client(accounts);
      const pids = new Set<number>();
      // Several at once: one after the other would all go to the quicker of the two.
      await until(async () => {
        const answers = await Promise.all(Array.from({ length: 16 }, () => client.total({})));
        for (const { pid } of answers) pids.add(pid);
        return pids.size === 2;
      }, 10_000);
      expect([...pids].toSorted((left, right) => left - right)).toEqual(
        [first.pid ?? 0, second.pid ?? 0].toSorted((left, right) => left - right),
      );
      const moving = moveMuch(node.services.client(transfers), 100);
      first.kill("SIGKILL");
      await moving;
      const exited = once(second, "exit");
      second.kill("SIGTERM");
      const third = await start("accounts");
      const [code] = (await exited) as [number];
      expect(code).toBe(0);
      expect(await client.total({})).toEqual({ total: 10_000, pid: third.pid });
    } finally {
      for (const child of children) child.kill("SIGKILL");
    }
  });
}, 60_000);
