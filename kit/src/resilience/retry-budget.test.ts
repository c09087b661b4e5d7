import fc from "fast-check";
import { expect, test } from "vitest";
import { manualClock } from "../clock/mod.ts";
import { retryBudget } from "./retry-budget.ts";

test("in any stretch of calls, extra attempts are at most the reserve and the ratio of the calls", () => {
  fc.assert(
    fc.property(fc.array(fc.boolean(), { maxLength: 400 }), fc.nat(100), (events, from) => {
      const budget = retryBudget({ ratio: 0.2, reserve: 3 });
      const log = events.map((isCall) => {
        if (isCall) budget.called();
        return isCall ? "call" : budget.take();
      });
      const stretch = log.slice(from);
      const calls = stretch.filter((event) => event === "call").length;
      const granted = stretch.filter((event) => event === "granted").length;
      expect(granted).toBeLessThanOrEqual(3 + 0.2 * calls + 1e-6);
    }),
  );
});

test("quiet times save up to the reserve and no more, and time may bring some of its own", async () => {
  const clock = manualClock();
  const budget = retryBudget({ ratio: 0.5, reserve: 2, perSecond: 1, clock });
  for (let call = 0; call < 100; call++) budget.called();
  expect([budget.take(), budget.take(), budget.take()]).toEqual(["granted", "granted", "spent"]);
  await clock.advance(1_000);
  expect([budget.take(), budget.take()]).toEqual(["granted", "spent"]);
  expect(budget.describe()).toMatchObject({ calls: 100, granted: 3, spent: 2 });
});

test("five calls with a ratio of a fifth pay for exactly one retry", () => {
  const budget = retryBudget({ ratio: 0.2, reserve: 1 });
  budget.take();
  for (let call = 0; call < 5; call++) {
    expect(budget.take()).toBe("spent");
    budget.called();
  }
  expect([budget.take(), budget.take()]).toEqual(["granted", "spent"]);
});
