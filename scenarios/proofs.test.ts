import { runSeed } from "ashlar/simulation";
import { describe, expect, test } from "vitest";
import { scenarios } from "./table.ts";

// A taste of the fleets, in bounded time: npm run sim runs thousands.
const seedsOf: Readonly<Record<string, number>> = {
  events: 30,
  "events-sqlite": 1,
  "events-disk": 1,
  saga: 30,
  "saga-sqlite": 1,
  "saga-disk": 1,
  queue: 60,
  "queue-sqlite": 1,
  "queue-disk": 1,
};

describe.each(Object.entries(seedsOf))("%s", (name, seeds) => {
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
