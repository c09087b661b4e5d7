import { expect, test } from "vitest";
import { manualClock } from "../clock/mod.ts";
import { openMemoryEngine } from "../engine/memory/mod.ts";
import { openQueue, openWorker, queue, retryPlan } from "./mod.ts";

test("the time that a worker waits for the store before it starts a handler is not taken from the handler's budget", async () => {
  const clock = manualClock();
  await using memory = await openMemoryEngine({ clock });
  let renewals = 0;
  const engine: typeof memory = {
    can: memory.can,
    clock,
    commit: (changes) => memory.commit(changes),
    async claim(request) {
      const result = await memory.claim(request);
      // The answer is older than half of the lease, so that the worker asks before it starts anything.
      if (result.claims.length > 0) clock.jump(2_000);
      return result;
    },
    async extend(receipts, leaseMs) {
      renewals++;
      await clock.sleep(500);
      return await memory.extend(receipts, leaseMs);
    },
    read: (request) => memory.read(request),
    stream: (request) => memory.stream(request),
    get: (cells) => memory.get(cells),
    scan: (query) => memory.scan(query),
    bell: (topics, ring) => memory.bell(topics, ring),
    [Symbol.asyncDispose]: async () => undefined,
  };
  const retry = retryPlan({ attemptsMax: 1, firstMs: 0 });
  const jobs = await openQueue({ engine, queue: queue<string>("jobs", { retry, leaseMs: 1_000 }) });
  await jobs.add("x");
  let runs = 0;
  await using _worker = await openWorker({
    queue: jobs,
    timeoutMs: 300,
    drainMs: 100,
    handle: async () => {
      runs++;
      await clock.sleep(100);
    },
  });
  await clock.advance(900);
  const { depth, dead } = await jobs.status();
  expect({ depth, dead, runs, asked: renewals > 0 }).toEqual({ depth: 0, dead: 0, runs: 1, asked: true });
});
