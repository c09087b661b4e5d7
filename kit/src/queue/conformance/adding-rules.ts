import assert from "node:assert/strict";
import { openQueue, queue, QueueFullError } from "../mod.ts";
import type { Rule } from "./rule.ts";
import { collecting, list, open, rejection, until } from "./scenes.ts";

/** How jobs enter. */
export const addingRules: readonly Rule[] = [
  {
    name: "a job that was added is stored with everything it was given",
    run: async ({ engine, clock }) => {
      const jobs = await open(engine);
      const added = await jobs.add("a", { lane: 3, key: "k", headers: { trace: "1" }, delayMs: 50 });
      const [job] = await list(jobs.jobs());
      assert(job !== undefined);
      assert.equal(added.status, "added");
      assert.deepEqual(
        [job.id, job.input, job.lane, job.key, job.headers, job.state, job.dueAtMs],
        [added.id, "a", 3, "k", { trace: "1" }, "delayed", clock.now() + 50],
      );
    },
  },
  {
    name: "many jobs are added in their order, all or none",
    run: async ({ engine, clock }) => {
      const jobs = await open(engine, { depthMax: 3 });
      await jobs.addMany(["a", "b"]);
      const error = await rejection(jobs.addMany(["c", "d"]));
      assert(error instanceof QueueFullError);
      assert.deepEqual([error.depth, error.depthMax, error.queue], [2, 3, "jobs"]);
      const { seen, worker } = await collecting(jobs, 1);
      await until(clock, () => seen.length === 2);
      assert.deepEqual(seen, ["a", "b"]);
      await worker[Symbol.asyncDispose]();
    },
  },
  {
    name: "a full queue refuses one more, and takes it when there is room again",
    run: async ({ engine }) => {
      const jobs = await open(engine, { depthMax: 1 });
      const { id } = await jobs.add("a");
      assert((await rejection(jobs.add("b"))) instanceof QueueFullError);
      assert.equal(await jobs.cancel(id), "cancelled");
      assert.equal((await jobs.add("b")).status, "added");
    },
  },
  {
    name: "a job added in the caller's own commit is there exactly when the commit is",
    run: async ({ engine }) => {
      const jobs = await open(engine);
      const cell = { space: "orders", key: "1" };
      const put = { op: "put", cell, expect: "absent", value: "placed" } as const;
      const first = await engine.commit([put, jobs.change("ship")]);
      const second = await engine.commit([put, jobs.change("ship")]);
      assert.deepEqual([first.committed, second.committed, (await jobs.status()).ready], [true, false, 1]);
    },
  },
  {
    name: "64 callers with one dedup key get one job and the same id; later, while it is remembered, too",
    run: async ({ engine, clock }) => {
      const jobs = await open(engine);
      const dedup = { key: "order-1", forMs: 1_000 };
      const answers = await Promise.all(Array.from({ length: 64 }, () => jobs.add("x", { dedup })));
      assert.equal(new Set(answers.map(({ id }) => id)).size, 1);
      assert.equal(answers.filter(({ status }) => status === "added").length, 1);
      const { seen, worker } = await collecting(jobs, 1);
      await until(clock, () => seen.length === 1);
      assert.equal((await jobs.add("x", { dedup })).status, "existing");
      await clock.advance(1_000);
      assert.equal((await jobs.add("x", { dedup })).status, "added");
      await worker[Symbol.asyncDispose]();
    },
  },
  {
    name: "addMany takes a dedup key from each input",
    run: async ({ engine }) => {
      const jobs = await open(engine);
      const answers = await jobs.addMany(["a", "b", "a"], { dedup: (key) => ({ key, forMs: 1_000 }) });
      assert.deepEqual(
        answers.map(({ status }) => status),
        ["added", "added", "existing"],
      );
      assert.equal(answers[0]?.id, answers[2]?.id);
    },
  },
  {
    name: "an input its schema refuses is not added",
    run: async ({ engine }) => {
      const validate = (value: unknown): { value: string } | { issues: { message: string }[] } =>
        typeof value === "string" && value !== "" ? { value } : { issues: [{ message: "a text" }] };
      const jobs = await open(engine, { input: { "~standard": { version: 1, vendor: "test", validate } } });
      assert.equal((await rejection(jobs.add(""))).code, "VALIDATION");
      assert.equal((await jobs.status()).depth, 0);
    },
  },
  {
    name: "a queue that requires more durability than the engine offers does not open",
    run: async ({ engine }) => {
      const definition = queue<string>("jobs", { requires: "replicated" });
      assert.equal((await rejection(openQueue({ engine, queue: definition }))).code, "DURABILITY");
    },
  },
  {
    name: "status counts every state and tells the age of the next job",
    run: async ({ engine, clock }) => {
      const jobs = await open(engine);
      assert.equal((await jobs.status()).depth, 0);
      await jobs.add("a");
      await clock.advance(250);
      await jobs.add("b", { delayMs: 1_000 });
      await jobs.addMany(["c", "d"], { key: "k" });
      const { ready, delayed, waiting, depth, oldestReadyAgeMs } = await jobs.status();
      assert.deepEqual([ready, delayed, waiting, depth, oldestReadyAgeMs], [2, 1, 1, 4, 250]);
    },
  },
  {
    name: "a listing can be limited, continued and narrowed to a state",
    run: async ({ engine }) => {
      const jobs = await open(engine);
      await jobs.addMany(["a", "b", "c"]);
      await jobs.add("later", { delayMs: 10 });
      const first = await list(jobs.jobs({ limit: 2 }));
      const rest = await list(jobs.jobs({ after: first.at(-1)?.id }));
      const delayed = await list(jobs.jobs({ state: "delayed" }));
      const inputs = [first, rest, delayed].map((page) => page.map(({ input }) => input));
      assert.deepEqual(inputs, [["a", "b"], ["c", "later"], ["later"]]);
    },
  },
];
