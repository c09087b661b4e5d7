import { expect, test } from "vitest";
import { manualClock } from "../clock/mod.ts";
import { openMemoryEngine } from "../engine/memory/mod.ts";
import { openQueue, openWorker, queue, retryPlan } from "./mod.ts";

test("a purge without an age removes also what died before the clock was put back", async () => {
  const clock = manualClock();
  await using engine = await openMemoryEngine({ clock });
  const retry = retryPlan({ attemptsMax: 1, firstMs: 0 });
  const jobs = await openQueue({ engine, queue: queue<string>("jobs", { retry }) });
  await jobs.add("x");
  await using _worker = await openWorker({ queue: jobs, handle: () => Promise.reject(new Error("no")) });
  await clock.settle();
  clock.jump(-60_000);
  expect(await jobs.dead.purge({ olderThanMs: 1 })).toBe(0);
  expect(await jobs.dead.purge()).toBe(1);
});
