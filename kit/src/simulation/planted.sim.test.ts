import { describe, expect, test } from "vitest";
import { runSeed, type Scenario, shrink } from "./mod.ts";
import { type Bug, doubleCharge, gapInOrder, lostDeduplication, missingSync } from "./planted-data.test-scenarios.ts";
import { clockJump, deadlock, lostWakeUp, staleLease, unboundedQueue } from "./planted-order.test-scenarios.ts";

const planted: Readonly<Record<string, (bug: Bug) => Scenario>> = {
  "a missing sync": missingSync,
  "lost de-duplication": lostDeduplication,
  "a double charge": doubleCharge,
  "a stale lease": staleLease,
  "a lost wake-up": lostWakeUp,
  "a gap in the global order": gapInOrder,
  "an unbounded queue": unboundedQueue,
  "a deadlock": deadlock,
  "a clock that jumps": clockJump,
};

/** How many seeds from `start` on it takes until one fails; Infinity beyond `max`. */
async function seedsUntilFound(scenario: Scenario, start: number, max: number): Promise<number> {
  for (let count = 1; count <= max; count++) {
    const { outcome } = await runSeed(scenario, { seed: start + count });
    if (outcome === "failed") return count;
  }
  return Infinity;
}

describe.each(Object.entries(planted))("%s", (_, make) => {
  test("is found within 1,000 seeds from anywhere, half of the time within 50", async () => {
    const found: number[] = [];
    for (const start of [0, 10_000, 20_000, 30_000, 40_000])
      found.push(await seedsUntilFound(make("planted"), start, 1_000));
    found.sort((left, right) => left - right);
    expect(found[2]).toBeLessThanOrEqual(50);
    expect(found[4]).toBeLessThanOrEqual(1_000);
  });

  test("is not found where it is not", async () => {
    for (let seed = 0; seed < 40; seed++) {
      const { failure } = await runSeed(make("fixed"), { seed });
      expect(failure).toBeUndefined();
    }
  });

  test("gives the same run for the same seed under both drivers", async () => {
    for (let seed = 0; seed < 10; seed++) {
      const hashes = new Set<string>();
      for (const driver of ["ticks", "immediates", "ticks"] as const)
        hashes.add((await runSeed(make("planted"), { seed, driver })).hash);
      expect(hashes.size).toBe(1);
    }
  });
});

test("100 of 100 seeds give the same run twice, under two drivers, and while leaks are watched for", async () => {
  const seeds = 100;
  const same = new Set<number>();
  for (let seed = 0; seed < seeds; seed++) {
    const first = await runSeed(doubleCharge("planted"), { seed });
    const again = await runSeed(doubleCharge("planted"), { seed, driver: "immediates", leaks: "watch" });
    if (first.hash === again.hash && first.events === again.events) same.add(seed);
  }
  expect(same.size).toBe(seeds);
});

test("a plan is shrunk to the faults that matter, and still fails the same way", async () => {
  const scenario = missingSync("planted");
  let failed = await runSeed(scenario, { seed: 0 });
  for (let seed = 1; failed.outcome !== "failed" || failed.plan.length < 2; seed++)
    failed = await runSeed(scenario, { seed });
  const small = await shrink(scenario, failed);
  expect(small.plan.length).toBeLessThan(failed.plan.length);
  expect(small.failure?.name).toBe(failed.failure?.name);
  const again = await runSeed(scenario, { seed: small.seed, faults: small.plan.map(({ index }) => index) });
  expect(again.hash).toBe(small.hash);
});
