import assert from "node:assert/strict";
import type { ManualClock } from "../../clock/mod.ts";
import { openWorker, type Queue, retryPlan, type Worker } from "../mod.ts";
import type { Rule } from "./rule.ts";
import { list, open, rejection } from "./scenes.ts";

const retry = retryPlan({ attemptsMax: 3, firstMs: 100, jitter: "none" });
const single = retryPlan({ attemptsMax: 1, firstMs: 1 });

async function failing(jobs: Queue<string>, clock: ManualClock): Promise<Worker> {
  const worker = await openWorker({
    queue: jobs,
    handle: async (job) => {
      if (job.input.startsWith("bad")) throw new Error(`failure ${job.attempt}`);
    },
  });
  await clock.settle();
  return worker;
}

/** What becomes of work that fails. */
export const deadRules: readonly Rule[] = [
  {
    name: "a failing job is retried by its plan and then dead, with every error, and others are not affected",
    run: async ({ engine, clock }) => {
      const jobs = await open(engine, { retry });
      const startedAtMs = clock.now();
      await using _worker = await failing(jobs, clock);
      await jobs.addMany(["bad", "good"]);
      await clock.advance(1_000);
      const [dead, ...others] = await list(jobs.dead.list());
      assert(dead !== undefined);
      assert.deepEqual([others.length, (await jobs.status()).depth], [0, 0]);
      assert.deepEqual([dead.reason, dead.attempt, dead.input], ["attempts", 3, "bad"]);
      const told = dead.failures.map(({ error, attempt, atMs }) => [error.message, attempt, atMs - startedAtMs]);
      assert.deepEqual(told, [
        ["failure 1", 1, 0],
        ["failure 2", 2, 100],
        ["failure 3", 3, 300],
      ]);
    },
  },
  {
    name: "an error that says it is not retryable goes to the dead letters at once",
    run: async ({ engine, clock }) => {
      const jobs = await open(engine, { retry });
      const refuse = async (): Promise<never> => {
        throw Object.assign(new Error("declined"), { retryable: false, code: "DECLINED" });
      };
      await using _worker = await openWorker({ queue: jobs, handle: refuse });
      await jobs.add("a");
      await clock.settle();
      const [dead] = await list(jobs.dead.list());
      assert.deepEqual([dead?.reason, dead?.attempt, dead?.failures[0]?.error.code], ["not-retryable", 1, "DECLINED"]);
    },
  },
  {
    name: "a plan whose own judgement throws does not take the worker down: the job is tried again",
    run: async ({ engine, clock }) => {
      const confused = (): never => {
        throw new TypeError("cannot tell");
      };
      const jobs = await open(engine, { retry: retryPlan({ attemptsMax: 2, firstMs: 10, retryable: confused }) });
      await using _worker = await failing(jobs, clock);
      await jobs.add("bad");
      await clock.advance(100);
      const [dead] = await list(jobs.dead.list());
      assert.deepEqual([dead?.reason, dead?.attempt], ["attempts", 2]);
    },
  },
  {
    name: "an error's retryAfterMs is waited for",
    run: async ({ engine, clock }) => {
      const jobs = await open(engine, { retry });
      let runs = 0;
      const limited = async (): Promise<void> => {
        if (++runs === 1) throw Object.assign(new Error("too many"), { retryAfterMs: 5_000 });
      };
      await using _worker = await openWorker({ queue: jobs, handle: limited });
      await jobs.add("a");
      await clock.advance(4_900);
      assert.equal(runs, 1);
      await clock.advance(200);
      assert.equal(runs, 2);
    },
  },
  {
    name: "a job whose text cannot be read is a dead letter that can still be listed",
    run: async ({ engine, clock }) => {
      const jobs = await open(engine, { retry });
      await using _worker = await failing(jobs, clock);
      await engine.commit([{ op: "enqueue", queue: "jobs", messages: [{ body: "{not json" }] }]);
      await clock.settle();
      const [dead] = await list(jobs.dead.list());
      assert.deepEqual([dead?.reason, dead?.body, dead?.attempt], ["input", "{not json", 1]);
      assert.throws(() => dead?.input, { code: "JOB_INPUT" });
    },
  },
  {
    name: "a redriven job starts anew and keeps its old failures",
    run: async ({ engine, clock }) => {
      const jobs = await open(engine, { retry: single });
      const attempts: number[] = [];
      let isRepaired = false;
      await using _worker = await openWorker({
        queue: jobs,
        handle: async (job) => {
          attempts.push(job.attempt);
          if (!isRepaired) throw new Error("broken");
        },
      });
      await jobs.add("a");
      await clock.settle();
      assert.equal(await jobs.dead.redrive(), 1);
      await clock.settle();
      assert.deepEqual(
        (await list(jobs.dead.list())).map(({ failures }) => failures.length),
        [2],
      );
      isRepaired = true;
      assert.equal(await jobs.dead.redrive(), 1);
      await clock.settle();
      assert.deepEqual([attempts, (await jobs.status()).dead, await jobs.dead.redrive()], [[1, 1, 1], 0, 0]);
    },
  },
  {
    name: "a redrive keeps its rate, takes the ids it is given, and stops at its signal",
    run: async ({ engine, clock }) => {
      const jobs = await open(engine, { retry: single });
      {
        await using _worker = await failing(jobs, clock);
        await jobs.addMany(["bad1", "bad2", "bad3", "bad4", "bad5"]);
        await clock.settle();
      }
      const ids = (await list(jobs.dead.list())).map(({ id }) => id);
      assert.equal(await jobs.dead.redrive({ ids: ids.slice(4) }), 1);
      const abort = new AbortController();
      const slow = rejection(jobs.dead.redrive({ ratePerSecond: 2, signal: abort.signal }));
      await clock.advance(400);
      assert.equal((await jobs.status()).dead, 3);
      await clock.advance(700);
      assert.equal((await jobs.status()).dead, 1);
      abort.abort(new Error("enough"));
      assert.equal((await slow).message, "enough");
      assert.deepEqual([(await jobs.status()).ready, (await jobs.status()).dead], [4, 1]);
    },
  },
  {
    name: "a purge removes what has been dead for long enough, and nothing else",
    run: async ({ engine, clock }) => {
      const jobs = await open(engine, { retry: single });
      await using _worker = await failing(jobs, clock);
      await jobs.add("bad old");
      await clock.advance(1_000);
      await jobs.add("bad new");
      await jobs.add("later", { delayMs: 60_000 });
      await clock.settle();
      assert.equal(await jobs.dead.purge({ olderThanMs: 500 }), 1);
      assert.deepEqual(
        (await list(jobs.dead.list())).map(({ input }) => input),
        ["bad new"],
      );
      assert.deepEqual([await jobs.dead.purge(), (await jobs.status()).depth], [1, 1]);
    },
  },
  {
    name: "a running job cannot be cancelled, a waiting one can, and one that is gone is not there",
    run: async ({ engine, clock }) => {
      const jobs = await open(engine);
      await using _worker = await openWorker({
        queue: jobs,
        concurrency: 1,
        prefetch: 0,
        handle: () => clock.sleep(100),
      });
      const running = await jobs.add("a");
      await clock.settle();
      const waiting = await jobs.add("b");
      const answers = [await jobs.cancel(running.id), await jobs.cancel(waiting.id), await jobs.cancel(waiting.id)];
      assert.deepEqual(answers, ["kept", "cancelled", "kept"]);
      await clock.advance(100);
    },
  },
];
