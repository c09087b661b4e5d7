import { runSeed } from "ashlar/simulation";
import { describe, expect, test } from "vitest";
import { scenarios } from "./table.ts";

// A taste of the fleets, in bounded time: npm run sim runs thousands.
const seedsOf: Readonly<Record<string, number>> = {
  engine: 15,
  queue: 40,
  "queue-flow": 20,
  topics: 10,
  events: 20,
  views: 8,
  saga: 20,
  "saga-flows": 10,
};

// On disk is whatever can happen on SQLite, and the power fails too.
const runs = Object.entries(seedsOf).flatMap(([name, seeds]) => [[name, seeds] as const, [`${name}-disk`, 1] as const]);

describe.each(runs)("%s", (name, seeds) => {
  test(`${seeds} seeds are clean`, async () => {
    const scenario = await scenarios[name]?.();
    if (scenario === undefined) throw new Error(`no scenario ${name}`);
    const failed: string[] = [];
    for (let seed = 0; seed < seeds; seed++) {
      const { outcome, failure } = await runSeed(scenario, { seed });
      if (outcome !== "passed") failed.push(`seed ${seed}: ${failure?.message}`);
    }
    expect(failed).toEqual([]);
  });
});

// What fleets have found, each with one of the seeds that showed it.
const found: readonly (readonly [scenario: string, seeds: readonly number[]])[] = [
  ["queue-flow", [628, 1_919, 4_548, 4_790]],
  ["saga-flows", [2_300]],
  ["views", [2_810]],
];

test.each(found)("%s: seeds that failed once are clean", async (name, seeds) => {
  const scenario = await scenarios[name]?.();
  if (scenario === undefined) throw new Error(`no scenario ${name}`);
  for (const seed of seeds) expect(await runSeed(scenario, { seed })).toMatchObject({ failure: undefined });
});
