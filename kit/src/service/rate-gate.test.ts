import fc from "fast-check";
import { expect, test } from "vitest";
import { manualClock } from "../clock/mod.ts";
import { RateGate } from "./rate-gate.ts";

test("a burst passes, then one at the rate, and each caller has its own", async () => {
  const clock = manualClock();
  const rates = new RateGate(clock, { perSecond: 10, burst: 3, per: "caller" });
  const asked = Array.from({ length: 4 }, () => rates.retryAfterMs("ada"));
  expect(asked).toEqual([0, 0, 0, 100]);
  expect(rates.retryAfterMs("bob")).toBe(0);
  await clock.advance(100);
  expect([rates.retryAfterMs("ada"), rates.retryAfterMs("ada")]).toEqual([0, 100]);
});

test("one rate for everyone does not ask who calls", () => {
  const rates = new RateGate(manualClock(), { perSecond: 1, burst: 1, per: "everyone" });
  expect([rates.retryAfterMs("ada"), rates.retryAfterMs("bob")]).toEqual([0, 1_000]);
});

test("never more than burst plus rate times time, and who waits as told passes", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 5 }),
      fc.array(fc.nat(300), { maxLength: 50 }),
      async (burst, pauses) => {
        const clock = manualClock();
        const rates = new RateGate(clock, { perSecond: 10, burst, per: "everyone" });
        let passed = 0;
        for (const pauseMs of pauses) {
          await clock.advance(pauseMs);
          const retryAfterMs = rates.retryAfterMs(undefined);
          if (retryAfterMs === 0) passed++;
          expect(passed).toBeLessThanOrEqual(burst + clock.monotonic() / 100);
          if (retryAfterMs === 0) continue;
          await clock.advance(Math.ceil(retryAfterMs));
          expect(rates.retryAfterMs(undefined)).toBe(0);
          passed++;
        }
      },
    ),
  );
});
