import { runSeed } from "ashlar/simulation";
import { expect, test } from "vitest";
import { shop } from "./shop.ts";

// Seed 26 once charged an order at both providers; `npm run sim -- shop` runs as many as one likes, and longer.
test.for([2, 26])("seed %i: nothing is lost, doubled or left open, and the seed runs the same again", async (seed) => {
  const run = { seed, hours: 0.05 };
  const report = await runSeed(shop, run);
  expect(report.failure).toBeUndefined();
  expect(report.plan.length).toBeGreaterThan(5);
  expect((await runSeed(shop, run)).hash).toBe(report.hash);
});
