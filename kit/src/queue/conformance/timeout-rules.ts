import assert from "node:assert/strict";
import { gate } from "../../abort/mod.ts";
import { type Job, openWorker, retryPlan } from "../mod.ts";
import type { Rule } from "./rule.ts";
import { list, open, rejection, until } from "./scenes.ts";

const retry = retryPlan({ attemptsMax: 2, firstMs: 100, jitter: "none" });

/** The time budget of an attempt. */
export const timeoutRules: readonly Rule[] = [
  {
    name: "a job that uses up its time is aborted, fails when its handler ends, and is tried again",
    run: async ({ engine, clock }) => {
      const jobs = await open(engine, { retry });
      const startedAtMs = clock.now();
      const ends: [number, string][] = [];
      const handle = async (job: Job<string>): Promise<void> => {
        const sleeping = clock.sleep(job.attempt === 1 ? 60_000 : 10, { signal: job.signal });
        await sleeping.catch((error: unknown) =>
          ends.push([clock.now() - startedAtMs, error instanceof Error ? error.name : "?"]),
        );
        // Returning as if nothing had happened does not help.
      };
      const worker = await openWorker({ queue: jobs, timeoutMs: 500, handle });
      await jobs.add("a");
      await clock.advance(550);
      const [failed] = await list(jobs.jobs());
      assert.deepEqual(ends, [[500, "TimeoutError"]]);
      assert.deepEqual([failed?.state, failed?.failures[0]?.error.code], ["delayed", "TIMEOUT"]);
      await clock.advance(200);
      assert.equal((await jobs.status()).depth, 0);
      await worker[Symbol.asyncDispose]();
    },
  },
  {
    name: "a handler that ignores the end of its time fails after the grace, loses its slot, and records nothing more",
    run: async ({ engine, clock }) => {
      const jobs = await open(engine, { retry: retryPlan({ attemptsMax: 1, firstMs: 0 }) });
      const hold = gate();
      const late: unknown[] = [];
      const seen: string[] = [];
      const handle = async (job: Job<string>): Promise<void> => {
        seen.push(job.input);
        if (job.input !== "deaf") return;
        await hold.promise;
        late.push((await rejection(job.progress(1))).name, (await rejection(job.once("n", () => 1))).name);
        job.also({ op: "put", cell: { space: "s", key: "late" }, expect: "any", value: "x" });
      };
      const faults: string[] = [];
      const worker = await openWorker({
        queue: jobs,
        concurrency: 1,
        timeoutMs: 500,
        drainMs: 300,
        onFault: ({ what, error }) => faults.push(`${what} ${(error as Error).name}`),
        handle,
      });
      await jobs.addMany(["deaf", "next"]);
      await clock.advance(799);
      assert.deepEqual(seen, ["deaf"]);
      await clock.advance(1);
      const [dead] = await list(jobs.dead.list());
      assert.deepEqual([seen, dead?.input, dead?.failures[0]?.error.code], [["deaf", "next"], "deaf", "TIMEOUT"]);
      hold.open();
      await until(clock, () => late.length === 2);
      await clock.advance(100);
      assert.deepEqual([late, faults], [["InvariantError", "InvariantError"], ["handler TimeoutError"]]);
      assert.deepEqual(await engine.get([{ space: "s", key: "late" }]), [undefined]);
      assert.deepEqual(worker.state, { running: 0, prefetched: 0, settling: 0 });
      await worker[Symbol.asyncDispose]();
    },
  },
  {
    name: "each job has its own time from its own start, with one timer for all of them",
    run: async ({ engine, clock }) => {
      const jobs = await open(engine, { retry: retryPlan({ attemptsMax: 1, firstMs: 0 }) });
      const startedAtMs = clock.now();
      const aborts: [string, number][] = [];
      const handle = async (job: Job<string>): Promise<void> => {
        await clock.sleep(Number(job.input), { signal: job.signal }).catch(() => undefined);
        if (job.signal.aborted) aborts.push([job.input, clock.now() - startedAtMs]);
      };
      const worker = await openWorker({ queue: jobs, concurrency: 100, timeoutMs: 500, handle });
      await jobs.addMany(["100", "700"]);
      await clock.advance(300);
      const before = clock.timersPending;
      await jobs.addMany(["400", "800", "900"]);
      await clock.settle();
      assert.equal(clock.timersPending - before, 3, "no more than the handlers themselves sleep on");
      await clock.advance(1_000);
      assert.deepEqual(aborts, [
        ["700", 500],
        ["800", 800],
        ["900", 800],
      ]);
      await worker[Symbol.asyncDispose]();
    },
  },
  {
    name: "at most once: a job that uses up its time is gone, and its slot is free",
    run: async ({ engine, clock }) => {
      const jobs = await open(engine);
      const seen: string[] = [];
      const handle = async (job: Job<string>): Promise<void> => {
        seen.push(job.input);
        if (job.input === "deaf") await new Promise<never>(() => {});
      };
      const options = { delivery: "at-most-once", concurrency: 1, timeoutMs: 500, drainMs: 0 } as const;
      const worker = await openWorker({ queue: jobs, ...options, handle });
      await jobs.addMany(["deaf", "next"]);
      await clock.advance(500);
      assert.deepEqual([seen, (await jobs.status()).depth], [["deaf", "next"], 0]);
      await worker[Symbol.asyncDispose]();
    },
  },
];
