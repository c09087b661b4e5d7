import { expect, test } from "vitest";
import { memoryBus, memoryTier } from "../cache/memory/mod.ts";
import { manualClock } from "../clock/mod.ts";
import { seededRandom } from "../random/mod.ts";
import { openCache } from "./cache.ts";

test("a hot key of 32 processes is loaded about once each time it ends, and with a stale time nobody waits", async () => {
  const clock = manualClock();
  const random = seededRandom("fleet");
  const [shared, bus] = [memoryTier({ clock }), memoryBus({ clock })];
  let calls = 0;
  const load = async (): Promise<number> => {
    await clock.sleep(300);
    return ++calls;
  };
  const options = { entries: 10, ttlMs: 6_000, staleMs: 60_000, load, clock, shared, bus };
  const fleet = await Promise.all(
    Array.from({ length: 32 }, (_, index) => openCache<number>({ ...options, random: random.stream(`${index}`) })),
  );
  const first = Promise.all(fleet.map((one) => one.get("hot")));
  await clock.advance(1_000);
  expect([await first, calls]).toEqual([Array(32).fill(1), 1]);
  const waited: number[] = [];
  const elapsedMs = 60_000;
  for (let atMs = 0; atMs < elapsedMs; atMs += 100) {
    for (let read = 0; read < 20; read++) {
      const beganAtMs = clock.monotonic();
      void random
        .pick(fleet)
        .get("hot")
        .then(() => clock.monotonic() > beganAtMs && waited.push(beganAtMs));
    }
    await clock.advance(100);
  }
  const ends = elapsedMs / (6_000 + 300);
  expect(calls / ends).toBeGreaterThan(0.8);
  expect(calls / ends).toBeLessThanOrEqual(1.4); // early refreshing ends some lives sooner
  expect(waited).toEqual([]);
  for (const one of fleet) await one[Symbol.asyncDispose]();
});
