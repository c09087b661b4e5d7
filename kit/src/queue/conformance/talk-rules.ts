import assert from "node:assert/strict";
import { type Job, openQueue, openTopic, openWorker, queue, QueueFullError, retryPlan, topic } from "../mod.ts";
import type { Rule } from "./rule.ts";
import { altered, collecting, list, open, rejection, until } from "./scenes.ts";

/** Request-reply, and publish-subscribe. */
export const talkRules: readonly Rule[] = [
  {
    name: "who asks gets what the handler returns",
    run: async ({ engine, clock }) => {
      const squares = await openQueue({ engine, queue: queue<number, number>("squares") });
      await using _worker = await openWorker({ queue: squares, handle: async (job) => job.input ** 2 });
      const answers = Promise.all([3, 4, 5].map((n) => squares.ask(n, { withinMs: 1_000 })));
      assert.deepEqual(await answers, [9, 16, 25]);
      assert.equal(clock.timersPending <= 4, true, "no timer is left by an answered request");
    },
  },
  {
    name: "who asks with the same dedup key gets the same answer from one job, also afterwards",
    run: async ({ engine, clock }) => {
      const counts = await openQueue({ engine, queue: queue<string, number>("counts") });
      let runs = 0;
      await using _worker = await openWorker({ queue: counts, handle: async () => ++runs });
      const options = { withinMs: 1_000, dedup: { key: "request-1", forMs: 60_000 } };
      const together = await Promise.all([counts.ask("a", options), counts.ask("a", options)]);
      await clock.advance(5_000);
      assert.deepEqual([...together, await counts.ask("a", options), runs], [1, 1, 1, 1]);
    },
  },
  {
    name: "who asks after the dedup window gets the answer of the new job, not what an older one left",
    run: async ({ engine, clock }) => {
      const prices = await openQueue({ engine, queue: queue<string, number>("prices") });
      let runs = 0;
      const handle = async (job: Job<string>): Promise<number> => {
        const run = ++runs;
        await clock.sleep(job.input === "a" ? 300 : 0);
        return run;
      };
      await using _worker = await openWorker({ queue: prices, handle });
      const ask = (): Promise<number> => prices.ask("a", { withinMs: 2_000, dedup: { key: "price", forMs: 500 } });
      const first = ask();
      await clock.advance(600);
      const second = ask();
      await clock.advance(50);
      const other = prices.ask("b", { withinMs: 2_000 }); // its answer rings the same bell
      await clock.advance(1_000);
      assert.deepEqual([await first, await second, await other], [1, 2, 3]);
    },
  },
  {
    name: "an old job that ends late does not answer for the new one of its dedup key",
    run: async ({ engine, clock }) => {
      const prices = await openQueue({ engine, queue: queue<string, number>("prices") });
      let runs = 0;
      const handle = async (): Promise<number> => {
        const run = ++runs;
        await clock.sleep(run === 1 ? 1_000 : 700);
        return run;
      };
      await using _worker = await openWorker({ queue: prices, handle });
      const ask = (): Promise<number> => prices.ask("a", { withinMs: 2_000, dedup: { key: "price", forMs: 100 } });
      const first = ask();
      await clock.advance(200);
      const second = ask();
      await clock.advance(1_500);
      assert.deepEqual([await first, await second], [1, 2]);
    },
  },
  {
    name: "deadline and signal of a request hold while the store takes its time",
    run: async ({ engine, clock }) => {
      const stuck = altered(engine, { commit: () => new Promise<never>(() => {}) });
      const jobs = await open(stuck);
      const abort = new AbortController();
      const late = rejection(jobs.ask("a", { withinMs: 500 }));
      const aborted = rejection(jobs.ask("b", { withinMs: 5_000, signal: abort.signal }));
      const before = clock.timersPending;
      abort.abort(new Error("gone"));
      await clock.advance(500);
      assert.deepEqual([(await late).name, (await aborted).message], ["TimeoutError", "gone"]);
      assert.ok(clock.timersPending < before, "no timer is left");
    },
  },
  {
    name: "a request whose job died with its workers is told so",
    run: async ({ engine, clock }) => {
      const jobs = await open(engine, { crashesMax: 1 });
      const [asked, well] = [rejection(jobs.ask("a", { withinMs: 30_000 })), jobs.ask("b", { withinMs: 30_000 })];
      await clock.settle();
      await engine.claim({ queue: "jobs", count: 1, leaseMs: 1, crashesMax: 1 });
      await clock.advance(10);
      await using _worker = await openWorker({ queue: jobs, handle: async (job) => job.input });
      await clock.advance(2_000);
      const error = await asked;
      assert.deepEqual([error.code, await well], ["REPLY", "b"]);
      assert.match(error.message, /died/);
    },
  },
  {
    name: "an answer that does not come in time is a TimeoutError; the job stays and is done",
    run: async ({ engine, clock }) => {
      const jobs = await open(engine);
      const asked = rejection(jobs.ask("a", { withinMs: 500 }));
      await clock.advance(500);
      assert.equal((await asked).code, "TIMEOUT");
      const { seen, worker } = await collecting(jobs, 1);
      await until(clock, () => seen.length === 1);
      await worker[Symbol.asyncDispose]();
    },
  },
  {
    name: "a request whose job fails for good gets a ReplyError with the failure; retries happen before",
    run: async ({ engine, clock }) => {
      const jobs = await open(engine, { retry: retryPlan({ attemptsMax: 2, firstMs: 100, jitter: "none" }) });
      const fail = async (): Promise<never> => {
        throw new Error("no such product");
      };
      await using _worker = await openWorker({ queue: jobs, handle: fail });
      const asked = rejection(jobs.ask("a", { withinMs: 5_000 }));
      await clock.advance(200);
      const error = await asked;
      assert.equal(error.code, "REPLY");
      assert.match(error.message, /no such product/);
    },
  },
  {
    name: "a request can be aborted, and refused for a full queue",
    run: async ({ engine }) => {
      const jobs = await open(engine, { depthMax: 1 });
      const abort = new AbortController();
      const asked = rejection(jobs.ask("a", { withinMs: 5_000, signal: abort.signal }));
      abort.abort(new Error("gone"));
      assert.equal((await asked).message, "gone");
      assert((await rejection(jobs.ask("b", { withinMs: 5_000 }))) instanceof QueueFullError);
    },
  },
  {
    name: "an answer is found without its bell",
    run: async ({ engine, clock }) => {
      const deaf = altered(engine, { bell: () => ({ [Symbol.dispose]: () => undefined }) });
      const jobs = await open(deaf);
      await using _worker = await openWorker({ queue: jobs, handle: async (job) => `${job.input}!` });
      const asked = jobs.ask("a", { withinMs: 5_000 });
      await clock.advance(2_500);
      assert.equal(await asked, "a!");
    },
  },
  {
    name: "every subscription gets a copy, also one that nobody works on, and none from before it existed",
    run: async ({ engine }) => {
      const orders = await openTopic({ engine, topic: topic<string>("orders") });
      assert.equal(await orders.publish("too early"), 0);
      const mail = await orders.subscribe("mail");
      const stats = await orders.subscribe("stats");
      assert.equal(await orders.publish("one"), 2);
      const again = await (await openTopic({ engine, topic: topic<string>("orders") })).subscribe("mail");
      for (const copy of [mail, stats, again])
        assert.deepEqual(
          (await list(copy.jobs())).map(({ input }) => input),
          ["one"],
        );
      assert.deepEqual(await orders.subscriptions(), ["mail", "stats"]);
    },
  },
  {
    name: "what is published twice under one dedup key arrives once at each subscription",
    run: async ({ engine }) => {
      const orders = await openTopic({ engine, topic: topic<string>("orders") });
      const copies = [await orders.subscribe("mail"), await orders.subscribe("stats")];
      for (const _again of [1, 2]) await orders.publish("one", { dedup: { key: "order 1", forMs: 1_000 } });
      for (const copy of copies) assert.equal((await copy.status()).ready, 1);
    },
  },
  {
    name: "a publisher that does not know of a new subscription yet still reaches it",
    run: async ({ engine }) => {
      const definition = topic<string>("orders");
      const publisher = await openTopic({ engine, topic: definition });
      await publisher.publish("warms its memory");
      const mail = await (await openTopic({ engine, topic: definition })).subscribe("mail");
      assert.equal(await publisher.publish("one"), 1);
      assert.equal((await mail.status()).ready, 1);
    },
  },
  {
    name: "publishing within the caller's commit is refused when a subscription appears in between, and passes made anew",
    run: async ({ engine }) => {
      const orders = await openTopic({ engine, topic: topic<string>("orders") });
      await orders.subscribe("mail");
      const stale = await orders.changes(["one", "two"]);
      const stats = await orders.subscribe("stats");
      const refused = await engine.commit(stale);
      const passed = await engine.commit(await orders.changes(["one", "two"]));
      assert.deepEqual([refused.committed, passed.committed, (await stats.status()).ready], [false, true, 2]);
    },
  },
  {
    name: "a subscription that is ended gets nothing more and leaves nothing behind; one that is full stops the publisher",
    run: async ({ engine }) => {
      const orders = await openTopic({ engine, topic: topic<string>("orders") });
      const mail = await orders.subscribe("mail", { depthMax: 1 });
      await orders.publish("one");
      assert((await rejection(orders.publish("two"))) instanceof QueueFullError);
      await orders.unsubscribe("mail");
      assert.deepEqual([await orders.publish("three"), (await mail.status()).depth], [0, 0]);
    },
  },
];
