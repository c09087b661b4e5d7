// What the queue costs on each engine: node --conditions=ashlar-source kit/src/queue/queue.bench.ts [JOBS]
// Other queues are measured beside it in bench/versus.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { systemClock } from "../clock/mod.ts";
import type { Engine } from "../engine/mod.ts";
import { openMemoryEngine } from "../engine/memory/mod.ts";
import { openSqliteEngine } from "../engine/sqlite/mod.ts";
import type { AddOptions } from "./add-options.ts";
import { queue } from "./definition.ts";
import { openQueue, type Queue } from "./queue.ts";
import { openWorker } from "./worker.ts";

interface Input {
  readonly n: number;
}

const count = Number(process.argv[2] ?? 30_000);
const inFlight = 64;

async function addAll(jobs: Queue<Input>, options?: (n: number) => AddOptions): Promise<void> {
  let next = 0;
  const caller = async (): Promise<void> => {
    for (let n = next++; n < count; n = next++) await jobs.add({ n }, options?.(n));
  };
  await Promise.all(Array.from({ length: inFlight }, caller));
}

/** Closing the worker is part of it: every job is settled. */
async function workOff(jobs: Queue<Input>): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  let done = 0;
  const handle = async (): Promise<void> => {
    if (++done === count) resolve();
  };
  await using _worker = await openWorker({ queue: jobs, concurrency: inFlight, handle });
  await promise;
}

async function askAll(jobs: Queue<Input>): Promise<void> {
  await using _worker = await openWorker({ queue: jobs, handle: async (job) => job.input.n });
  for (let n = 0; n < count / 100; n++) await jobs.ask({ n }, { withinMs: 60_000 });
}

async function measure(name: string, jobs: number, run: () => Promise<void>): Promise<void> {
  const startedMs = systemClock.monotonic();
  await run();
  const perSecond = Math.round((jobs / (systemClock.monotonic() - startedMs)) * 1_000);
  process.stdout.write(`${name.padEnd(48)} ${perSecond.toLocaleString("en-US").padStart(10)} /s\n`);
}

async function measureEngine(name: string, engine: Engine): Promise<void> {
  const definition = queue<Input>("bench", { depthMax: 100_000_000 });
  const jobs = await openQueue({ engine, queue: definition });
  await measure(`${name}: add one by one, ${inFlight} in flight`, count, () => addAll(jobs));
  await measure(`${name}: work off, concurrency ${inFlight}`, count, () => workOff(jobs));
  const keyed = queue<Input>("keyed", { depthMax: 100_000_000, key: ({ n }) => String(n) });
  const orders = await openQueue({ engine, queue: keyed });
  const dedup = (n: number): AddOptions => ({ dedup: { key: String(n), forMs: 3_600_000 } });
  await measure(`${name}: add with key and dedup`, count, () => addAll(orders, dedup));
  await measure(`${name}: work off with key and dedup`, count, () => workOff(orders));
  await measure(`${name}: ask, one caller`, count / 100, () => askAll(jobs));
  await engine[Symbol.asyncDispose]();
}

const folder = mkdtempSync(join(tmpdir(), "ashlar-bench-"));
try {
  await measureEngine("memory", await openMemoryEngine());
  for (const durability of ["process", "disk"] as const)
    await measureEngine(
      `sqlite, ${durability}`,
      await openSqliteEngine({ path: join(folder, `${durability}.db`), durability }),
    );
} finally {
  rmSync(folder, { recursive: true, force: true });
}
