import { describe, expect, test } from "vitest";
import { manualClock } from "../clock/mod.ts";
import { openMemoryEngine } from "../engine/memory/mod.ts";
import { type Job, openQueue, openWorker, queue, ReplyError, retryPlan, WorkerStoppedError } from "./mod.ts";

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

/** What is left of a job with a budget of 300 ms whose worker is closed at once, and wants its handler to stop after 200 ms. */
async function closedUnderAHandler(delivery: "at-least-once" | "at-most-once", workMs: number) {
  const clock = manualClock();
  await using engine = await openMemoryEngine({ clock });
  const jobs = await openQueue({ engine, queue: queue<string, string>("jobs", { leaseMs: 10_000 }) });
  let reason: unknown;
  const handle = async (job: Job<string>): Promise<string> => {
    await clock.sleep(workMs);
    reason = job.signal.reason;
    job.also({ op: "append", log: "done", stream: "x", expected: "any", events: [{ type: "Done", data: "x" }] });
    return "done";
  };
  const answer = jobs.ask("x", { withinMs: 2_000 }).catch((error: unknown) => {
    return error instanceof ReplyError ? error.record.name : "none";
  });
  const worker = await openWorker({ queue: jobs, handle, delivery, timeoutMs: 300, drainMs: 200 });
  await clock.settle();
  const closed = worker[Symbol.asyncDispose]();
  await clock.advance(2_000);
  await closed;
  const { events } = await engine.read({ log: "done", after: 0, limit: 10 });
  const left = await Array.fromAsync(jobs.jobs(), ({ state, attempt, crashes }) => ({ state, attempt, crashes }));
  return { told: reason instanceof WorkerStoppedError, recorded: events.length, left, answer: await answer };
}

describe("of a handler that was told to stop before its time budget was used up", () => {
  test("what it returns within the budget is recorded", async () => {
    const end = { told: true, recorded: 1, left: [], answer: "done" };
    expect(await closedUnderAHandler("at-least-once", 250)).toEqual(end);
    expect(await closedUnderAHandler("at-most-once", 250)).toEqual(end);
  });

  test("what it returns later is not: the job goes back uncounted, as it was told", async () => {
    const left = [{ state: "ready", attempt: 0, crashes: 0 }];
    const end = { told: true, recorded: 0, left, answer: "none" };
    expect(await closedUnderAHandler("at-least-once", 350)).toEqual(end);
  });

  test("what it returns later is not, and one that was settled first has failed for want of time", async () => {
    const end = { told: true, recorded: 0, left: [], answer: "TimeoutError" };
    expect(await closedUnderAHandler("at-most-once", 350)).toEqual(end);
  });
});
