import { type ChildProcess, spawn } from "node:child_process";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { beforeEach, expect, test } from "vitest";
import { systemClock } from "../../clock/mod.ts";
import { brokerUrl, cuttingProxy, needsBroker } from "../../drivers/amqp/server.test-amqp.ts";
import { until } from "../../drivers/network.test-server.ts";
import { openQueue, openWorker, queue, retryPlan } from "../../queue/mod.ts";
import { openFreshEngine } from "./engine.test-rabbit.ts";

beforeEach(needsBroker);

const quick = retryPlan({ attemptsMax: 3, firstMs: 100, capMs: 100 });
const jobsQueue = queue<string>("jobs", { retry: quick, crashesMax: 3, requires: "disk" });

/** Starts a worker process; it is killed at the end at the latest. */
function startWorker(
  prefix: string,
  scene: string,
): AsyncDisposable & { readonly lines: string[]; kill(): Promise<void> } {
  const program = fileURLToPath(new URL("worker.test-process.ts", import.meta.url));
  const args = [
    "--conditions=ashlar-source",
    "--disable-warning=ExperimentalWarning",
    program,
    brokerUrl,
    prefix,
    scene,
  ];
  const child: ChildProcess = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  const ended = new Promise<void>((resolve) => child.once("close", () => resolve()));
  const lines: string[] = [];
  child.stdout?.setEncoding("utf8").on("data", (text: string) => void lines.push(...text.split("\n").filter(Boolean)));
  const kill = async (): Promise<void> => {
    child.kill("SIGKILL");
    await ended;
  };
  return { lines, kill, [Symbol.asyncDispose]: kill };
}

test("jobs are worked off, ten at a time, each once", async () => {
  await using engine = await openFreshEngine(["jobs"]);
  const jobs = await openQueue({ engine, queue: jobsQueue });
  const done: string[] = [];
  let running = 0;
  let most = 0;
  await using _worker = await openWorker({
    queue: jobs,
    concurrency: 10,
    handle: async (job) => {
      most = Math.max(most, ++running);
      await systemClock.sleep(5);
      running--;
      done.push(job.input);
    },
  });
  const inputs = Array.from({ length: 300 }, (_, n) => String(n));
  await Promise.all(inputs.map((input) => jobs.add(input)));
  await until(() => done.length >= inputs.length);
  expect(done.toSorted()).toEqual(inputs.toSorted());
  expect(most).toBe(10);
});

test("a job that fails comes back after its pause, and ends in the dead letters with all its failures", async () => {
  await using engine = await openFreshEngine(["jobs"]);
  const jobs = await openQueue({ engine, queue: jobsQueue });
  const attempts: number[] = [];
  const others: string[] = [];
  await using _worker = await openWorker({
    queue: jobs,
    handle: async (job) => {
      if (job.input !== "poison") return void others.push(job.input);
      attempts.push(job.attempt);
      throw new Error(`failed ${job.attempt}`);
    },
  });
  await jobs.add("poison");
  await jobs.add("other");
  await until(async () => (await engine.counts("jobs")).dead === 1);
  expect([attempts, others]).toEqual([[1, 2, 3], ["other"]]);
  await engine.redriveDead("jobs", 1);
  await until(() => attempts.length > 3);
  expect(attempts[3]).toBe(1);
});

test("scenario 1: jobs of a worker that is killed are taken over at once by another, their attempts uncounted", async () => {
  await using engine = await openFreshEngine(["jobs"]);
  const jobs = await openQueue({ engine, queue: jobsQueue });
  await jobs.add("a");
  await jobs.add("b");
  await using first = startWorker(engine.prefix, "hang");
  await until(() => first.lines.includes("started a 1 0") && first.lines.includes("started b 1 0"));
  await using second = startWorker(engine.prefix, "work");
  await until(() => second.lines.includes("ready"));
  expect(second.lines).toEqual(["ready"]);
  await first.kill();
  await until(() => second.lines.includes("done a") && second.lines.includes("done b"), 10_000);
  expect(second.lines).toContain("started a 1 1");
});

test("scenario 17: a job that kills its worker is dead after crashesMax deaths, and others come through", async () => {
  await using engine = await openFreshEngine(["jobs"]);
  const jobs = await openQueue({ engine, queue: jobsQueue });
  await jobs.add("killer");
  await jobs.add("innocent");
  let innocent = false;
  for (let life = 0; life < 3; life++) {
    await using worker = startWorker(engine.prefix, "work");
    await until(() => worker.lines.includes(`started killer 1 ${life}`));
    innocent ||= worker.lines.includes("done innocent");
  }
  await using last = startWorker(engine.prefix, "work");
  await until(async () => (await engine.counts("jobs")).dead === 1);
  await jobs.add("after");
  await until(() => last.lines.includes("done after"));
  // It crashed with the killer once, and was kept away from it then.
  await until(() => innocent || last.lines.includes("done innocent"));
  expect((await engine.counts("jobs")).dead).toBe(1);
  expect(last.lines.filter((line) => line.includes("killer"))).toEqual([]);
}, 60_000);

test("a worker goes on when its connection is cut, and no job is lost", async () => {
  await using proxy = await cuttingProxy();
  await using engine = await openFreshEngine(["jobs"], { url: proxy.url });
  // Each cut counts as a crash of whatever was in the process.
  const jobs = await openQueue({ engine, queue: queue<string>("jobs", { retry: quick, crashesMax: 50 }) });
  const done = new Set<string>();
  await using _worker = await openWorker({
    queue: jobs,
    concurrency: 5,
    handle: async (job) => {
      await systemClock.sleep(10);
      done.add(job.input);
    },
    onFault: () => undefined,
  });
  for (let n = 0; n < 60; n++) {
    // Whoever adds repeats what was refused or is unknown: at least once.
    await until(() =>
      jobs.add(String(n)).then(
        () => true,
        () => false,
      ),
    );
    if (n % 20 === 10) proxy.cutAll();
  }
  await until(() => done.size === 60);
  expect((await engine.counts("jobs")).dead).toBe(0);
}, 60_000);

test("what the engine lacks is refused by name: status, pause, keys, progress", async () => {
  await using engine = await openFreshEngine(["jobs"]);
  const jobs = await openQueue({ engine, queue: jobsQueue });
  for (const call of [
    () => jobs.status(),
    () => jobs.pause(),
    () => jobs.add("a", { key: "k" }),
    () => jobs.add("a", { dedup: { key: "k", forMs: 1_000 } }),
    () => jobs.progress("1"),
    () => Array.fromAsync(jobs.jobs()),
  ])
    await expect(call()).rejects.toMatchObject({ code: "UNSUPPORTED" });
});
