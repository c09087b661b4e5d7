import assert from "node:assert/strict";
import { gate } from "../../abort/mod.ts";
import { type Job, openWorker, retryPlan, type WorkerFault } from "../mod.ts";
import type { Bed, QueueStore, Rule } from "./rule.ts";
import { altered, closed, list, open, rejection, until } from "./scenes.ts";

const retry = retryPlan({ attemptsMax: 3, firstMs: 100, jitter: "none" });
const never = new Promise<never>(() => {});

/** Who holds a job, and what the one who no longer holds it can still do: nothing. */
export const leaseRules: readonly Rule[] = [
  {
    name: "a handler may run for many leases: the worker renews them",
    run: async ({ engine, clock }) => {
      const jobs = await open(engine, { leaseMs: 1_000 });
      let runs = 0;
      const handle = async (job: Job<string>): Promise<void> => {
        runs++;
        await clock.sleep(10_000, { signal: job.signal });
      };
      const worker = await openWorker({ queue: jobs, handle });
      const second = await openWorker({ queue: jobs, handle });
      await jobs.add("a");
      await clock.advance(10_000);
      assert.deepEqual([runs, (await jobs.status()).depth], [1, 0]);
      await worker[Symbol.asyncDispose]();
      await second[Symbol.asyncDispose]();
    },
  },
  {
    name: "all leases of a worker are renewed by one call",
    run: async ({ engine, clock }) => {
      let calls = 0;
      const counted = altered(engine, { extend: (receipts, leaseMs) => (calls++, engine.extend(receipts, leaseMs)) });
      const jobs = await open(counted, { leaseMs: 3_000 });
      const worker = await openWorker({ queue: jobs, concurrency: 20, handle: () => clock.sleep(2_500) });
      await jobs.addMany(Array.from({ length: 20 }, String));
      await clock.advance(2_500);
      assert.equal(calls, 2);
      await worker[Symbol.asyncDispose]();
    },
  },
  {
    name: "a job whose holder falls silent goes to another after the lease, as a crash and not as an attempt",
    run: async ({ engine, clock }) => {
      const jobs = await open(engine, { leaseMs: 1_000 });
      await jobs.add("a");
      await engine.claim({ queue: "jobs", count: 1, leaseMs: 1_000 });
      const seen: number[][] = [];
      const worker = await openWorker({
        queue: jobs,
        handle: async (job) => void seen.push([job.attempt, job.crashes]),
      });
      await clock.advance(999);
      assert.deepEqual(seen, []);
      await clock.advance(3);
      assert.deepEqual(seen, [[1, 1]]);
      await worker[Symbol.asyncDispose]();
    },
  },
  {
    // pg-boss, graphile-worker, Redis Streams and JetStream let the stale worker finish the job that another holds.
    name: "the stale completion of pg-boss: a worker that outlived its lease completes nothing, records nothing, and is told",
    run: async ({ engine, clock }) => {
      const stale = altered(engine, { extend: () => never });
      const staleJobs = await open(stale, { leaseMs: 1_000 });
      const finish = gate();
      const late: unknown[] = [];
      const faults: WorkerFault[] = [];
      const slow = await openWorker({
        queue: staleJobs,
        concurrency: 1,
        prefetch: 0,
        onFault: (fault) => faults.push(fault),
        handle: async (job) => {
          await finish.promise;
          for (const write of [() => job.once("n", () => 1), () => job.progress(1)])
            late.push((await rejection(write())).code);
          job.also({ op: "put", cell: { space: "s", key: "late" }, expect: "any", value: "x" });
        },
      });
      const jobs = await open(engine, { leaseMs: 1_000 });
      await jobs.add("a");
      await clock.advance(500);
      const hold = gate();
      let secondRuns = 0;
      const second = await openWorker({
        queue: jobs,
        handle: () => {
          secondRuns++;
          return hold.promise;
        },
      });
      await clock.advance(1_000);
      assert.equal(secondRuns, 1);
      finish.open();
      await clock.settle();
      const [held] = await list(jobs.jobs());
      assert.deepEqual(
        [held?.state, late, await engine.get([{ space: "s", key: "late" }])],
        ["running", ["LEASE_LOST", "LEASE_LOST"], [undefined]],
      );
      assert.ok(faults.some(({ what }) => what === "lost"));
      hold.open();
      await clock.settle();
      assert.equal((await jobs.status()).depth, 0);
      await slow[Symbol.asyncDispose]();
      await second[Symbol.asyncDispose]();
    },
  },
  {
    // graphile-worker fails a job by its worker pool: the failure of a stale worker is booked on the new attempt, or lost.
    name: "the lost failure of graphile-worker: a stale failure does not touch the attempt of the new holder",
    run: async ({ engine, clock }) => {
      const jobs = await open(altered(engine, { extend: () => never }), { leaseMs: 1_000, retry });
      const fail = gate();
      const slow = await openWorker({
        queue: jobs,
        concurrency: 1,
        prefetch: 0,
        handle: () => fail.promise,
      });
      await jobs.add("a");
      await clock.advance(100);
      await clock.advance(1_000);
      const { claims } = await engine.claim({ queue: "jobs", count: 1, leaseMs: 60_000 });
      assert.equal(claims.length, 1);
      fail.fail(new Error("stale"));
      await clock.settle();
      const [held] = await list(jobs.jobs());
      assert.deepEqual([held?.state, held?.failures], ["running", []]);
      await slow[Symbol.asyncDispose]();
    },
  },
  {
    name: "a lost lease aborts the running job's signal with LeaseLostError",
    run: async ({ engine, clock }) => {
      const refusing = altered(engine, { extend: async (receipts) => receipts.map(() => false) });
      const jobs = await open(refusing, { leaseMs: 3_000 });
      const reasons: unknown[] = [];
      const worker = await openWorker({
        queue: jobs,
        handle: (job) =>
          clock.sleep(60_000, { signal: job.signal }).catch(() => void reasons.push(job.signal.reason.code)),
      });
      await jobs.add("a");
      await clock.advance(2_000);
      assert.deepEqual(reasons, ["LEASE_LOST"]);
      await worker[Symbol.asyncDispose]();
    },
  },
  {
    name: "a lease that cannot be renewed counts as lost once it is over, not before",
    run: (bed) => losesLeaseInTime(bed, () => Promise.reject(new Error("unreachable"))),
  },
  {
    name: "a lease whose renewal is not answered counts as lost once it is over, not before",
    run: (bed) => losesLeaseInTime(bed, () => never),
  },
  {
    name: "one message delivered to two consumers has one effect and one acknowledgement",
    run: async ({ engine, clock }) => {
      const jobs = await open(engine);
      await jobs.add("a");
      const replayed = await engine.claim({ queue: "jobs", count: 1, leaseMs: 30_000 });
      let isDelivered = false;
      const replaying = altered(engine, {
        claim: (request) => {
          if (isDelivered) return engine.claim(request);
          isDelivered = true;
          return Promise.resolve(replayed);
        },
      });
      const faults: string[] = [];
      const worker = await openWorker({
        queue: await open(replaying),
        onFault: ({ what }) => faults.push(what),
        handle: async (job) =>
          job.also({ op: "put", cell: { space: "effects", key: job.id }, expect: "absent", value: "worker" }),
      });
      const [claim] = replayed.claims;
      assert(claim !== undefined);
      const effect = {
        op: "put",
        cell: { space: "effects", key: claim.receipt.id },
        expect: "absent",
        value: "first",
      } as const;
      const first = await engine.commit([{ op: "settle", receipt: claim.receipt, as: { kind: "ack" } }, effect]);
      await clock.settle();
      const [cell] = await engine.get([effect.cell]);
      assert.equal([first.committed, faults.includes("lost"), cell?.value].filter(Boolean).length, 3);
      assert.equal((await jobs.status()).depth, 0);
      await worker[Symbol.asyncDispose]();
    },
  },
  {
    name: "suspects run one at a time on a worker, and innocent ones come through",
    run: async ({ engine, clock }) => {
      const jobs = await open(engine, { leaseMs: 1_000 });
      await jobs.addMany(["a", "b", "c"]);
      await engine.claim({ queue: "jobs", count: 3, leaseMs: 1_000 });
      let running = 0;
      let runningMost = 0;
      let done = 0;
      const worker = await openWorker({
        queue: jobs,
        handle: async () => {
          runningMost = Math.max(runningMost, ++running);
          await clock.sleep(100);
          running--;
          done++;
        },
      });
      await clock.advance(1_400);
      assert.deepEqual([runningMost, done], [1, 3]);
      await worker[Symbol.asyncDispose]();
    },
  },
  {
    name: "a job that takes its worker down again and again is a dead letter after crashesMax",
    run: async ({ engine, clock }) => {
      const jobs = await open(engine, { leaseMs: 1_000, crashesMax: 3 });
      await jobs.add("killer");
      for (let crash = 1; crash <= 3; crash++) {
        const { claims } = await engine.claim({ queue: "jobs", count: 1, leaseMs: 1_000, crashesMax: 3 });
        assert.equal(claims.length, 1);
        await clock.advance(1_000);
      }
      const seen: string[] = [];
      const worker = await openWorker({ queue: jobs, handle: async (job) => void seen.push(job.input) });
      await jobs.add("good");
      await until(clock, () => seen.length > 0);
      const [dead] = await list(jobs.dead.list());
      assert.deepEqual([seen, dead?.reason, dead?.crashes], [["good"], "crashed", 3]);
      await worker[Symbol.asyncDispose]();
    },
  },
  {
    name: "a worker whose event loop was blocked for longer than a lease does not rescue its own jobs",
    run: async ({ engine, clock }) => {
      const jobs = await open(engine, { leaseMs: 1_000 });
      const starts: [string, number][] = [];
      const faults: string[] = [];
      const worker = await openWorker({
        queue: jobs,
        concurrency: 2,
        onFault: ({ what }) => faults.push(what),
        handle: async (job) => {
          starts.push([job.input, job.crashes]);
          if (job.input === "innocent") return clock.sleep(500);
          await clock.sleep(100);
          clock.jump(5_000); // time moves on while no timer can ring; then a slot is free, and the worker claims
        },
      });
      await jobs.addMany(["innocent", "blocks"]);
      await clock.advance(50);
      await jobs.add("next");
      await clock.advance(1_000);
      assert.deepEqual(faults, []);
      assert.deepEqual(starts, [
        ["innocent", 0],
        ["blocks", 0],
        ["next", 0],
      ]);
      await worker[Symbol.asyncDispose]();
    },
  },
  {
    name: "a renewal that was asked for just before the timer rings is waited for, also when leases are over by then",
    run: async ({ engine, clock }) => {
      const slow = altered(engine, {
        extend: async (receipts, leaseMs) => {
          await clock.sleep(20);
          return engine.extend(receipts, leaseMs);
        },
      });
      const faults: string[] = [];
      const worker = await openWorker({
        queue: await open(slow, { leaseMs: 3_000 }),
        pollMs: 990, // so that the worker claims, and renews before it does, just before the third of the lease
        onFault: ({ what }) => faults.push(what),
        handle: () => clock.sleep(1_500),
      });
      const jobs = await open(engine);
      await jobs.add("a");
      await clock.advance(900);
      clock.jump(5_000);
      await clock.advance(600);
      assert.deepEqual([faults, (await jobs.status()).depth], [[], 0]);
      await worker[Symbol.asyncDispose]();
    },
  },
  {
    name: "a process that slept through its leases asks for them again before it starts prefetched work",
    run: async ({ engine, clock }) => {
      const jobs = await open(engine, { leaseMs: 1_000 });
      const seen: [string, number][] = [];
      const worker = await openWorker({
        queue: jobs,
        concurrency: 1,
        prefetch: 4,
        handle: async (job) => {
          seen.push([job.input, job.crashes]);
          // The wall clock moves on while no timer of this process can ring: a blocked event loop.
          if (job.input === "blocks") clock.jump(5_000);
        },
      });
      await jobs.addMany(["warm", "blocks", "c", "d"]);
      await until(clock, () => seen.length >= 4);
      assert.deepEqual(seen.map(([input]) => input).toSorted(), ["blocks", "c", "d", "warm"]);
      await clock.advance(5_000);
      assert.equal((await jobs.status()).depth, 0);
      await worker[Symbol.asyncDispose]();
    },
  },
];

async function losesLeaseInTime({ engine, clock }: Bed, extend: QueueStore["extend"]): Promise<void> {
  const jobs = await open(altered(engine, { extend }), { leaseMs: 3_000 });
  const abortedAtMs: number[] = [];
  const startedAtMs = clock.now();
  const handle = (job: Job<string>): Promise<void> =>
    clock.sleep(60_000, { signal: job.signal }).catch(() => void abortedAtMs.push(clock.now() - startedAtMs));
  const worker = await openWorker({ queue: jobs, handle });
  await jobs.add("a");
  await clock.advance(2_999);
  assert.deepEqual(abortedAtMs, []);
  await clock.advance(1_100);
  assert.equal(abortedAtMs.length, 1);
  await closed(worker, clock);
}
