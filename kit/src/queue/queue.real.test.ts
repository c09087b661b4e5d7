import { readFileSync, writeFileSync } from "node:fs";
import { expect, test } from "vitest";
import { systemClock } from "../clock/mod.ts";
import type { Engine } from "../engine/mod.ts";
import { openSqliteEngine } from "../engine/sqlite/mod.ts";
import { seededRandom } from "../random/mod.ts";
import { queue } from "./definition.ts";
import { openQueue, type Queue } from "./queue.ts";
import { type Folder, openFolder, WorkerProcess } from "./worker-process.test-fixture.ts";

// They wait for processes and leases far more than they compute, so they wait together.
// The lease of the processes' queue, and how much later than its end a take-over may come.
const leaseMs = 1_000;
const marginMs = 9_000;

const jobsOf = (engine: Engine): Promise<Queue<string>> =>
  openQueue({ engine, queue: queue<string>("jobs", { leaseMs }) });

async function emptied(jobs: Queue<string>): Promise<void> {
  while ((await jobs.status()).depth > 0) await systemClock.sleep(20);
}

async function effectsOf({ engine }: Folder): Promise<readonly string[]> {
  return (await Array.fromAsync(engine.scan({ kind: "cells", space: "effects", limit: 10_000 }))).map(({ key }) => key);
}

test.concurrent("1: a job whose worker is killed in mid-handler runs again within the lease and a margin, with one effect", async () => {
  await using folder = await openFolder();
  const jobs = await jobsOf(folder.engine);
  const { id } = await jobs.add("a");
  {
    await using killed = new WorkerProcess(folder.file, "hang");
    await killed.line("started");
  }
  const killedAtMs = systemClock.monotonic();
  await using next = new WorkerProcess(folder.file, "work");
  expect(await next.line("started")).toBe(`started ${id} 1 1`);
  expect(systemClock.monotonic() - killedAtMs).toBeLessThan(leaseMs + marginMs);
  await emptied(jobs);
  expect(await effectsOf(folder)).toEqual([id]);
});

test.concurrent("2: a worker killed between its recorded effect and the settlement does not repeat the effect", async () => {
  await using folder = await openFolder();
  const jobs = await jobsOf(folder.engine);
  const { id } = await jobs.add("a");
  {
    await using killed = new WorkerProcess(folder.file, "onceThenHang");
    await killed.line("recorded");
  }
  await using next = new WorkerProcess(folder.file, "once");
  await next.line("done");
  await emptied(jobs);
  expect(readFileSync(`${folder.file}.effects`, "utf8")).toBe(`${id}\n`);
});

test.concurrent("2: an effect in the job's transaction is there exactly once, because the job is settled with it", async () => {
  await using folder = await openFolder();
  await folder.engine.transaction(({ sql }) => void sql.run("create table effects (job text) strict"));
  const jobs = await jobsOf(folder.engine);
  const { id } = await jobs.add("a");
  {
    await using killed = new WorkerProcess(folder.file, "txThenHang");
    await killed.line("committed");
  }
  expect((await jobs.status()).depth).toBe(0);
  const rows = await folder.engine.transaction(({ sql }) => sql.all<{ job: string }>("select job from effects"));
  expect(rows.map(({ job }) => job)).toEqual([id]);
});

test.concurrent("4: a worker whose event loop is blocked for longer than its lease loses the job, and its result is refused", async () => {
  await using folder = await openFolder();
  const jobs = await jobsOf(folder.engine);
  const { id } = await jobs.add("a");
  await using blocked = new WorkerProcess(folder.file, "block");
  await blocked.line("started");
  await using other = new WorkerProcess(folder.file, "work");
  expect(await other.line("started")).toBe(`started ${id} 1 1`);
  writeFileSync(`${folder.file}.go`, "");
  expect(await blocked.line("fault lost")).toBe(`fault lost ${id}`);
  await emptied(jobs);
  expect(await effectsOf(folder)).toEqual([id]);
});

test.concurrent("17: a job that kills its process is stopped after crashesMax, and every other job is done", async () => {
  await using folder = await openFolder();
  const jobs = await jobsOf(folder.engine);
  const { id } = await jobs.add("killer");
  await jobs.addMany(Array.from({ length: 20 }, (_, index) => `good ${index}`));
  let processes = 0;
  while ((await jobs.status()).depth > 0 && processes < 10) {
    processes++;
    await using worker = new WorkerProcess(folder.file, "killer");
    await Promise.race([worker.ended, emptied(jobs)]);
  }
  const dead = await Array.fromAsync(jobs.dead.list());
  expect(dead.map((job) => [job.id, job.reason, job.crashes])).toEqual([[id, "crashed", 3]]);
  expect(processes).toBe(4);
});

test.concurrent("24: a relay killed between publishing and marking loses nothing, and its receiver sees each message once, in order of key", async () => {
  await using folder = await openFolder();
  const jobs = await openQueue({
    engine: folder.engine,
    queue: queue<string>("jobs", { key: (input) => input.split(":")[1] }),
  });
  const inputs = Array.from({ length: 18 }, (_, index) => `${index}:${"abc"[index % 3]}`);
  await jobs.addMany(inputs);
  for (let seed = 0; (await jobs.status()).depth > 0 && seed < 30; seed++) {
    await using relay = new WorkerProcess(folder.file, "relay", seed);
    await Promise.race([relay.ended, emptied(jobs)]);
  }
  expect((await jobs.status()).dead).toBe(0);
  await using target = await openSqliteEngine({ path: `${folder.file}.target` });
  const received = (await Array.fromAsync((await jobsOf(target)).jobs())).map(({ input }) => input);
  expect(received.toSorted()).toEqual(inputs.toSorted());
  for (const key of "abc")
    expect(received.filter((input) => input.endsWith(key))).toEqual(inputs.filter((input) => input.endsWith(key)));
});

test.concurrent("after random kills every job that was added is done once, and none is left", async () => {
  await using folder = await openFolder();
  const jobs = await jobsOf(folder.engine);
  const random = seededRandom(20_261_120);
  const added = await jobs.addMany(Array.from({ length: 3_000 }, (_, index) => `job ${index}`));
  for (let kill = 0; kill < 4; kill++) {
    await using worker = new WorkerProcess(folder.file, "work");
    await worker.line("done");
    await systemClock.sleep(random.integer(0, 40));
  }
  await using _last = new WorkerProcess(folder.file, "work");
  await emptied(jobs);
  expect((await jobs.status()).dead).toBe(0);
  expect((await effectsOf(folder)).length).toBe(added.length);
});
