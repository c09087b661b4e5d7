import { expect, test } from "vitest";
import { ConfigError } from "../errors/mod.ts";
import { seededRandom } from "../random/mod.ts";
import { decideRetry, nextDelay, retryAfterMaxMs, retryPlan } from "./retry-plan.ts";

const steady = retryPlan({ attemptsMax: 5, firstMs: 100, factor: 3, capMs: 1_000, jitter: "none" });

test("back-off grows by the factor up to the cap, then the plan is used up", () => {
  const random = seededRandom(1);
  expect([1, 2, 3, 4, 5].map((attempt) => nextDelay(steady, attempt, random))).toEqual([
    100,
    300,
    900,
    1_000,
    undefined,
  ]);
});

test("a factor that overflows still yields the cap", () => {
  const plan = retryPlan({ attemptsMax: 1_000, firstMs: 1, factor: 10, capMs: 5_000, jitter: "none" });
  expect(nextDelay(plan, 999, seededRandom(1))).toBe(5_000);
});

test("full jitter draws between nothing and the back-off, evenly enough", () => {
  const plan = retryPlan({ attemptsMax: 3, firstMs: 1_000 });
  const random = seededRandom(7);
  const delays = Array.from({ length: 2_000 }, () => nextDelay(plan, 1, random) ?? Number.NaN);
  expect(Math.min(...delays)).toBeGreaterThanOrEqual(0);
  expect(Math.max(...delays)).toBeLessThanOrEqual(1_000);
  const mean = delays.reduce((sum, delay) => sum + delay, 0) / delays.length;
  expect(mean).toBeGreaterThan(450);
  expect(mean).toBeLessThan(550);
});

test("an error that is not retryable is dead at the first attempt", () => {
  const plan = retryPlan({ attemptsMax: 9, firstMs: 1, retryable: () => false });
  expect(decideRetry(plan, { attempt: 1, error: new Error("declined") }, seededRandom(1))).toEqual({
    kind: "dead",
    reason: "not-retryable",
  });
});

test("the last attempt is dead with the reason attempts", () => {
  expect(decideRetry(steady, { attempt: 5, error: new Error("x") }, seededRandom(1))).toEqual({
    kind: "dead",
    reason: "attempts",
  });
});

test("an error's retryAfterMs lengthens the back-off and never shortens it", () => {
  const decide = (retryAfterMs: unknown): unknown =>
    decideRetry(steady, { attempt: 1, error: Object.assign(new Error("busy"), { retryAfterMs }) }, seededRandom(1));
  expect(decide(250.2)).toEqual({ kind: "retry", delayMs: 251 });
  expect(decide(5)).toEqual({ kind: "retry", delayMs: 100 });
  expect(decide(Number.POSITIVE_INFINITY)).toEqual({ kind: "retry", delayMs: retryAfterMaxMs });
  expect(decide(Number.NaN)).toEqual({ kind: "retry", delayMs: 100 });
  expect(decide("soon")).toEqual({ kind: "retry", delayMs: 100 });
});

test.each([
  [{ attemptsMax: 0, firstMs: 1 }, "attemptsMax"],
  [{ attemptsMax: 1.5, firstMs: 1 }, "attemptsMax"],
  [{ attemptsMax: 2, firstMs: -1 }, "firstMs"],
  [{ attemptsMax: 2, firstMs: 1, factor: 0.5 }, "factor"],
  [{ attemptsMax: 2, firstMs: 10, capMs: 5 }, "capMs"],
])("a plan out of range is refused and the option is named: %j", (options, option) => {
  expect(() => retryPlan(options)).toThrow(ConfigError);
  expect(() => retryPlan(options)).toThrow(option);
});
