import { tmpdir } from "node:os";
import { expect, test } from "vitest";
import { systemVitals } from "./mod.ts";

test("the vitals of this process are plausible, and a blocked event loop shows", async () => {
  using vitals = systemVitals();
  const before = vitals.loop();
  expect(before.maxMs).toBeLessThan(5);
  await new Promise((resolve) => setTimeout(resolve, 100));
  const untilMs = performance.now() + 150;
  while (performance.now() < untilMs);
  await new Promise((resolve) => setTimeout(resolve, 60));
  const { maxMs, p50Ms, p99Ms, utilizationRatio } = vitals.loop();
  expect(maxMs).toBeGreaterThan(100);
  expect(p50Ms).toBeLessThanOrEqual(p99Ms);
  expect(utilizationRatio).toBeGreaterThan(0.2);
  expect(utilizationRatio).toBeLessThanOrEqual(1);
  const { rssBytes, heapUsedBytes, heapLimitBytes } = vitals.memory();
  expect(rssBytes).toBeGreaterThan(10_000_000);
  expect(heapUsedBytes).toBeLessThan(heapLimitBytes);
  const { freeBytes, totalBytes } = await vitals.disk(tmpdir());
  expect(freeBytes).toBeGreaterThan(0);
  expect(freeBytes).toBeLessThanOrEqual(totalBytes);
  expect(vitals.uptimeMs()).toBeGreaterThan(100);
});

test("the vitals of a folder that is not there are a rejection", async () => {
  using vitals = systemVitals();
  await expect(vitals.disk("no/such/folder")).rejects.toThrow("ENOENT");
});
