import assert from "node:assert/strict";
import { type Change, StorageError } from "../../engine/mod.ts";
import { type Job, openBatchWorker, openWorker, retryPlan, type WorkerFault } from "../mod.ts";
import type { Rule } from "./rule.ts";
import { altered, collecting, list, open, rejection, until } from "./scenes.ts";

const retry = retryPlan({ attemptsMax: 3, firstMs: 100, jitter: "none" });
const noted = (key: string): Change => ({ op: "put", cell: { space: "notes", key }, expect: "absent", value: "x" });

/** What a worker does with jobs, and with itself. */
export const workerRules: readonly Rule[] = [
  {
    name: "never more handlers at once than the concurrency, and a free slot is filled at once",
    run: async ({ engine, clock }) => {
      const jobs = await open(engine);
      let running = 0;
      let runningMost = 0;
      let done = 0;
      const handle = async (): Promise<void> => {
        runningMost = Math.max(runningMost, ++running);
        await clock.sleep(10);
        running--;
        done++;
      };
      const worker = await openWorker({ queue: jobs, concurrency: 3, handle });
      await jobs.addMany(Array.from({ length: 9 }, String));
      await clock.advance(30);
      assert.deepEqual([runningMost, done], [3, 9]);
      await worker[Symbol.asyncDispose]();
    },
  },
  {
    name: "changes of the handler are committed with the acknowledgement, and only then",
    run: async ({ engine, clock }) => {
      const jobs = await open(engine, { retry });
      const worker = await openWorker({
        queue: jobs,
        handle: async (job) => {
          job.also(noted(`attempt-${job.attempt}`));
          if (job.attempt === 1) throw new Error("after the change");
        },
      });
      await jobs.add("a");
      await clock.advance(200);
      const [first, second] = await engine.get([1, 2].map((n) => ({ space: "notes", key: `attempt-${n}` })));
      assert.deepEqual([first, second?.value], [undefined, "x"]);
      await worker[Symbol.asyncDispose]();
    },
  },
  {
    name: "a change that is refused fails the attempt, and the job is tried again",
    run: async ({ engine, clock }) => {
      const jobs = await open(engine, { retry });
      await engine.commit([noted("taken")]);
      const worker = await openWorker({
        queue: jobs,
        handle: async (job) => job.also(noted(job.attempt === 1 ? "taken" : "free")),
      });
      await jobs.add("a");
      await clock.settle();
      const [stored] = await list(jobs.jobs());
      assert.deepEqual([stored?.state, stored?.failures[0]?.error.code], ["delayed", "REFUSED"]);
      await clock.advance(200);
      assert.equal((await jobs.status()).depth, 0);
      await worker[Symbol.asyncDispose]();
    },
  },
  {
    name: "an effect run once is not run again by a later attempt, which gets its result",
    run: async ({ engine, clock }) => {
      const jobs = await open(engine, { retry });
      const charged: string[] = [];
      const results: number[] = [];
      const worker = await openWorker({
        queue: jobs,
        handle: async (job) => {
          const effect = (key: string): number => charged.push(key);
          const twice = await Promise.all([job.once("charge", effect), job.once("charge", effect)]);
          results.push(...twice);
          if (job.attempt < 3) throw new Error("after the effect");
        },
      });
      const { id } = await jobs.add("a");
      await clock.advance(1_000);
      assert.deepEqual([charged, results], [[`jobs/${id}/charge`], [1, 1, 1, 1, 1, 1]]);
      const left = await Array.fromAsync(engine.scan({ kind: "cells", space: "queue-once:jobs" }));
      assert.deepEqual(left, [], "the record goes with the job");
      await worker[Symbol.asyncDispose]();
    },
  },
  {
    name: "an effect that throws leaves no record and runs again",
    run: async ({ engine, clock }) => {
      const jobs = await open(engine, { retry });
      let runs = 0;
      const worker = await openWorker({
        queue: jobs,
        handle: async (job) => {
          await job.once("send", () => {
            if (++runs === 1) throw new Error("refused");
          });
        },
      });
      await jobs.add("a");
      await clock.advance(1_000);
      assert.deepEqual([runs, (await jobs.status()).depth], [2, 0]);
      await worker[Symbol.asyncDispose]();
    },
  },
  {
    name: "job.tx is refused where the engine has no transactions, and its handler's failure is kept",
    run: async ({ engine, clock }) => {
      const jobs = await open(altered(engine, { can: { ...engine.can, transactions: "none" } }), { retry });
      const worker = await openWorker({ queue: jobs, handle: async (job) => job.tx(() => 1) });
      await jobs.add("a");
      await clock.settle();
      const [dead] = await list(jobs.dead.list());
      assert.deepEqual([dead?.reason, dead?.failures[0]?.error.code], ["not-retryable", "UNSUPPORTED"]);
      await worker[Symbol.asyncDispose]();
    },
  },
  {
    name: "at most once: a job is settled before its handler runs, whatever the handler does",
    run: async ({ engine, clock }) => {
      const jobs = await open(engine);
      const depths: number[] = [];
      const faults: WorkerFault[] = [];
      const worker = await openWorker({
        queue: jobs,
        delivery: "at-most-once",
        onFault: (fault) => faults.push(fault),
        handle: async (job) => {
          depths.push((await jobs.status()).depth);
          job.also(noted(job.input));
          if (job.input === "bad") throw new Error("lost for good");
        },
      });
      await jobs.add("good");
      await until(clock, () => depths.length === 1);
      await jobs.add("bad");
      await clock.advance(60_000);
      assert.deepEqual(depths, [0, 0]);
      assert.deepEqual(
        faults.map(({ what }) => what),
        ["handler"],
      );
      const [good, bad] = await engine.get(["good", "bad"].map((key) => ({ space: "notes", key })));
      assert.deepEqual([good?.value, bad], ["x", undefined]);
      await worker[Symbol.asyncDispose]();
    },
  },
  {
    name: "closing gives prefetched jobs back uncounted and lets running ones finish",
    run: async ({ engine, clock }) => {
      const jobs = await open(engine);
      const started: string[] = [];
      const finished: string[] = [];
      const handle = async (job: Job<string>): Promise<void> => {
        started.push(job.input);
        await clock.sleep(job.input === "quick" ? 0 : 500);
        finished.push(job.input);
      };
      const worker = await openWorker({ queue: jobs, concurrency: 1, prefetch: 4, handle });
      await jobs.addMany(["quick", "slow", "c", "d"]);
      await clock.advance(1);
      assert.deepEqual([started, worker.state.prefetched > 0], [["quick", "slow"], true]);
      const closed = worker[Symbol.asyncDispose]();
      await clock.settle();
      assert.deepEqual([(await jobs.status()).ready, (await jobs.status()).running], [2, 1]);
      await clock.advance(500);
      await closed;
      assert.deepEqual([finished, await worker[Symbol.asyncDispose]()], [["quick", "slow"], undefined]);
      const attempts = (await list(jobs.jobs())).map(({ input, attempt, state }) => [input, attempt, state]);
      assert.deepEqual(attempts, [
        ["c", 0, "ready"],
        ["d", 0, "ready"],
      ]);
    },
  },
  {
    name: "closing aborts what does not finish in time and gives it back uncounted, to the front",
    run: async ({ engine, clock }) => {
      const jobs = await open(engine);
      const reasons: unknown[] = [];
      const handle = (job: Job<string>): Promise<void> =>
        new Promise((_resolve, reject) =>
          job.signal.addEventListener("abort", () => {
            reasons.push(job.signal.reason.code);
            if (job.input === "polite") reject(job.signal.reason);
          }),
        );
      const worker = await openWorker({ queue: jobs, concurrency: 2, drainMs: 200, handle });
      await jobs.addMany(["polite", "deaf"]);
      await clock.settle();
      const closed = worker[Symbol.asyncDispose]();
      await clock.advance(1_200);
      await closed;
      assert.deepEqual(reasons, ["WORKER_STOPPED", "WORKER_STOPPED"]);
      const left = (await list(jobs.jobs())).map(({ attempt, crashes, state }) => [attempt, crashes, state]);
      assert.deepEqual(left, [
        [0, 0, "ready"],
        [0, 0, "ready"],
      ]);
    },
  },
  {
    name: "a worker outlives a store that fails for a while, and loses nothing",
    run: async ({ engine, clock }) => {
      let isDown = false;
      const outage = async (): Promise<never> => {
        throw Object.assign(new Error("down"), { retryable: true });
      };
      const flaky = altered(engine, {
        claim: (request) => (isDown ? outage() : engine.claim(request)),
        commit: (changes) => (isDown ? outage() : engine.commit(changes)),
      });
      const faults = new Set<string>();
      const seen: string[] = [];
      const worker = await openWorker({
        queue: await open(flaky),
        onFault: ({ what }) => faults.add(what),
        handle: async (job) => {
          seen.push(job.input);
          isDown = job.input === "a";
        },
      });
      const jobs = await open(engine);
      await jobs.add("a");
      await clock.settle();
      await jobs.add("b");
      await clock.advance(3_000);
      isDown = false;
      await clock.advance(10_000);
      assert.deepEqual(
        [seen, [...faults].toSorted(), (await jobs.status()).depth],
        [["a", "b"], ["claim", "settle"], 0],
      );
      await worker[Symbol.asyncDispose]();
    },
  },
  {
    name: "a fault of the store on an acknowledgement is not held against the job, also one that does not call itself passing",
    run: async ({ engine, clock }) => {
      let failing = 2;
      const fails = (changes: readonly Change[]): boolean => changes[0]?.op === "settle" && failing-- > 0;
      const fault = new StorageError("other", "disk I/O error");
      const flaky = altered(engine, {
        commit: (changes) => (fails(changes) ? Promise.reject(fault) : engine.commit(changes)),
      });
      const { seen, worker } = await collecting(await open(flaky), 1);
      const jobs = await open(engine);
      await jobs.add("a");
      await clock.advance(1_000);
      const { depth, dead } = await jobs.status();
      assert.deepEqual([seen, depth, dead], [["a"], 0, 0]);
      await worker[Symbol.asyncDispose]();
    },
  },
  {
    name: "a store that cannot take an acknowledgement for a whole lease costs the lease, not an attempt",
    run: async ({ engine, clock }) => {
      const broken = altered(engine, {
        commit: (changes) =>
          changes[0]?.op === "settle"
            ? Promise.reject(new StorageError("other", "disk I/O error"))
            : engine.commit(changes),
      });
      const faults: string[] = [];
      const jobs = await open(broken, { leaseMs: 1_000 });
      const worker = await openWorker({
        queue: jobs,
        concurrency: 1,
        prefetch: 0,
        pollMs: 60_000,
        onFault: ({ what }) => faults.push(what),
        handle: async () => {},
      });
      await jobs.add("a");
      await clock.advance(1_000);
      const [stored] = await list(jobs.jobs());
      assert.deepEqual([faults.includes("handler"), faults.at(-1), stored?.state], [false, "lost", "running"]);
      await worker[Symbol.asyncDispose]();
    },
  },
  {
    name: "a batch worker that could hold more than one claim may ask for works all the same",
    run: async ({ engine, clock }) => {
      const jobs = await open(engine);
      const faults: WorkerFault[] = [];
      let done = 0;
      const worker = await openBatchWorker({
        queue: jobs,
        size: 10_000,
        concurrency: 1_000,
        waitMs: 10,
        onFault: (fault) => faults.push(fault),
        handle: async (batch) => {
          done += batch.length;
          return batch.map(() => ({ status: "done" }));
        },
      });
      await jobs.add("a");
      await clock.advance(20);
      assert.deepEqual([faults, done], [[], 1]);
      await worker[Symbol.asyncDispose]();
    },
  },
  {
    name: "progress can be read while the job runs and is gone with it",
    run: async ({ engine, clock }) => {
      const jobs = await open(engine);
      const handle = async (job: Job<string>): Promise<void> => {
        await job.progress({ percent: 40 });
        await clock.sleep(100);
      };
      const worker = await openWorker({ queue: jobs, handle });
      const { id } = await jobs.add("a");
      await clock.advance(50);
      assert.deepEqual(await jobs.progress(id), { percent: 40 });
      await clock.advance(50);
      assert.equal(await jobs.progress(id), undefined);
      await worker[Symbol.asyncDispose]();
    },
  },
  {
    name: "a batch starts when it is full or its oldest job has waited long enough; each job is settled by itself",
    run: async ({ engine, clock }) => {
      const jobs = await open(engine, { retry });
      const batches: string[][] = [];
      const worker = await openBatchWorker({
        queue: jobs,
        size: 3,
        waitMs: 50,
        handle: async (batch) => {
          batches.push(batch.map(({ input, attempt }) => `${input}${attempt}`));
          return batch.map(({ input, attempt }) =>
            input === "b" && attempt === 1 ? { status: "failed", error: new Error("b") } : { status: "done" },
          );
        },
      });
      await jobs.addMany(["a", "b", "c", "d"]);
      await clock.settle();
      assert.deepEqual(batches, [["a1", "b1", "c1"]]);
      await clock.advance(50);
      assert.deepEqual(batches.at(1), ["d1"]);
      await clock.advance(150);
      assert.deepEqual([batches.slice(2), (await jobs.status()).depth], [[["b2"]], 0]);
      await worker[Symbol.asyncDispose]();
    },
  },
  {
    name: "a batch handler that throws, or answers for another number of jobs, fails all of them",
    run: async ({ engine, clock }) => {
      const jobs = await open(engine, { retry: retryPlan({ attemptsMax: 2, firstMs: 1, jitter: "none" }) });
      let batches = 0;
      const worker = await openBatchWorker({
        queue: jobs,
        size: 2,
        waitMs: 0,
        handle: async () => {
          if (++batches > 1) throw new Error("second");
          return [{ status: "done" }];
        },
      });
      await jobs.addMany(["a", "b"]);
      await clock.advance(10);
      const dead = await list(jobs.dead.list());
      const names = dead.map(({ failures }) => failures.map(({ error }) => error.name));
      assert.deepEqual(names, [
        ["BatchOutcomesError", "Error"],
        ["BatchOutcomesError", "Error"],
      ]);
      await worker[Symbol.asyncDispose]();
    },
  },
  {
    name: "nothing is left behind by a worker that is closed: no timer, no bell",
    run: async ({ engine, clock }) => {
      const jobs = await open(engine);
      const before = clock.timersPending;
      const { worker, seen } = await collecting(jobs, 2);
      await jobs.add("a");
      await until(clock, () => seen.length === 1);
      await worker[Symbol.asyncDispose]();
      await jobs.add("b");
      await clock.settle();
      assert.ok(clock.timersPending <= before + 1, "at most the engine's own sweep");
      assert.equal(seen.length, 1);
      assert.equal(
        (await rejection(openWorker({ queue: jobs, concurrency: 0, handle: async () => {} }))).code,
        "CONFIG",
      );
    },
  },
];
