import fc from "fast-check";
import { expect, test } from "vitest";
import { manualClock } from "../clock/mod.ts";
import { CallRate } from "./call-rate.ts";

test("a burst passes, then one at the rate, and each caller has its own", async () => {
  const clock = manualClock();
  const rate = new CallRate("orders@1.place", { perSecond: 10, burst: 3, per: "caller" }, clock);
  const asked = Array.from({ length: 4 }, () => rate.refusal("ada")?.retryAfterMs);
  expect(asked).toEqual([undefined, undefined, undefined, 100]);
  expect(rate.refusal("bob")).toBeUndefined();
  await clock.advance(100);
  expect([rate.refusal("ada"), rate.refusal("ada")?.retryAfterMs]).toEqual([undefined, 100]);
});

test("one rate for everyone does not ask who calls", () => {
  const rate = new CallRate("orders@1.place", { perSecond: 1, burst: 1, per: "everyone" }, manualClock());
  expect([rate.refusal("ada"), rate.refusal("bob")?.retryAfterMs]).toEqual([undefined, 1_000]);
});

test("a caller's name may be empty or as long as it likes", () => {
  const rate = new CallRate("orders@1.place", { perSecond: 1, burst: 1, per: "caller" }, manualClock());
  const long = "a".repeat(5_000);
  expect([rate.refusal(undefined), rate.refusal(long)]).toEqual([undefined, undefined]);
  expect([rate.refusal("")?.code, rate.refusal(long)?.code]).toEqual(["RATE_LIMIT", "RATE_LIMIT"]);
});

test("the least and the greatest rate of a contract", async () => {
  const clock = manualClock();
  const least = new CallRate("orders@1.place", { perSecond: 0.001, burst: 1, per: "caller" }, clock);
  expect([least.refusal("ada"), least.refusal("ada")?.retryAfterMs]).toEqual([undefined, 1_000_000]);
  const greatest = new CallRate("orders@1.place", { perSecond: 1e6, burst: 1, per: "caller" }, clock);
  expect([greatest.refusal("ada"), greatest.refusal("ada")?.retryAfterMs]).toEqual([undefined, 0.001]);
});

test("never more than burst plus rate times time, and who waits as told passes", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 5 }),
      fc.array(fc.nat(300), { maxLength: 50 }),
      async (burst, pauses) => {
        const clock = manualClock();
        const rate = new CallRate("orders@1.place", { perSecond: 10, burst, per: "everyone" }, clock);
        let passed = 0;
        for (const pauseMs of pauses) {
          await clock.advance(pauseMs);
          const refusal = rate.refusal(undefined);
          if (refusal === undefined) passed++;
          expect(passed).toBeLessThanOrEqual(burst + clock.monotonic() / 100);
          if (refusal === undefined) continue;
          await clock.advance(Math.ceil(refusal.retryAfterMs));
          expect(rate.refusal(undefined)).toBeUndefined();
          passed++;
        }
      },
    ),
  );
});
