import assert from "node:assert/strict";
import { openWorker, retryPlan } from "../mod.ts";
import type { Rule } from "./rule.ts";
import { collecting, open, until } from "./scenes.ts";

const retry = retryPlan({ attemptsMax: 3, firstMs: 100, jitter: "none" });

/** In which order, and when, jobs are handed out. */
export const orderRules: readonly Rule[] = [
  {
    name: "lower lanes come first, and within a lane the older job",
    run: async ({ engine, clock }) => {
      const jobs = await open(engine, { lane: 5 });
      await jobs.addMany(["a", "b"]);
      await jobs.add("urgent", { lane: 0 });
      await jobs.add("some time", { lane: 9 });
      const { seen, worker } = await collecting(jobs, 1);
      await until(clock, () => seen.length === 4);
      assert.deepEqual(seen, ["urgent", "a", "b", "some time"]);
      await worker[Symbol.asyncDispose]();
    },
  },
  {
    name: "a delayed job starts when it is due, not before, without anybody polling for it",
    run: async ({ engine, clock }) => {
      const jobs = await open(engine);
      const { seen, worker } = await collecting(jobs, 1);
      await jobs.add("later", { delayMs: 700 });
      await jobs.add("at", { dueAtMs: clock.now() + 300 });
      await clock.advance(299);
      assert.deepEqual(seen, []);
      await clock.advance(3);
      assert.deepEqual(seen, ["at"]);
      await clock.advance(397);
      assert.deepEqual(seen, ["at"]);
      await clock.advance(3);
      assert.deepEqual(seen, ["at", "later"]);
      await worker[Symbol.asyncDispose]();
    },
  },
  {
    name: "jobs of one key run one after another, in their order, also while one is being retried",
    run: async ({ engine, clock }) => {
      const jobs = await open<{ key: string; n: number }>(engine, { key: ({ key }) => key, retry });
      const seen: string[] = [];
      const worker = await openWorker({
        queue: jobs,
        handle: async (job) => {
          seen.push(`${job.key}${job.input.n}`);
          if (job.key === "a" && job.input.n === 1 && job.attempt < 3) throw new Error("not yet");
        },
      });
      await jobs.addMany(
        [1, 2, 3].flatMap((n) => [
          { key: "a", n },
          { key: "b", n },
        ]),
      );
      await until(clock, () => seen.length === 4);
      assert.deepEqual(seen.toSorted(), ["a1", "b1", "b2", "b3"]);
      await clock.advance(1_000);
      assert.deepEqual(
        seen.filter((one) => one.startsWith("a")),
        ["a1", "a1", "a1", "a2", "a3"],
      );
      await worker[Symbol.asyncDispose]();
    },
  },
  {
    name: "as many jobs of one key run at once as the queue allows, and no more",
    run: async ({ engine, clock }) => {
      const jobs = await open(engine, { key: () => "tenant", keyConcurrency: 2 });
      let running = 0;
      let runningMost = 0;
      let done = 0;
      const worker = await openWorker({
        queue: jobs,
        concurrency: 8,
        handle: async () => {
          runningMost = Math.max(runningMost, ++running);
          await clock.sleep(10);
          running--;
          done++;
        },
      });
      await jobs.addMany(Array.from({ length: 6 }, String));
      await clock.advance(100);
      assert.deepEqual([runningMost, done], [2, 6]);
      await worker[Symbol.asyncDispose]();
    },
  },
  {
    name: "a dead job passes its key on",
    run: async ({ engine, clock }) => {
      const jobs = await open(engine, { key: () => "k", retry: retryPlan({ attemptsMax: 1, firstMs: 1 }) });
      const seen: string[] = [];
      const worker = await openWorker({
        queue: jobs,
        handle: async (job) => {
          seen.push(job.input);
          if (job.input === "bad") throw new Error("bad");
        },
      });
      await jobs.addMany(["bad", "good"]);
      await until(clock, () => seen.length === 2);
      assert.deepEqual(seen, ["bad", "good"]);
      await worker[Symbol.asyncDispose]();
    },
  },
  {
    name: "a paused queue takes jobs and hands out none; resumed, it goes on at once",
    run: async ({ engine, clock }) => {
      const jobs = await open(engine);
      const { seen, worker } = await collecting(jobs, 1);
      await jobs.pause();
      await jobs.add("a");
      await clock.advance(5_000);
      assert.deepEqual([seen.length, (await jobs.status()).flow], [0, "paused"]);
      await jobs.resume();
      await until(clock, () => seen.length === 1);
      await worker[Symbol.asyncDispose]();
    },
  },
];
