import { getEventListeners } from "node:events";
import { describe, expect, test } from "vitest";
import { manualClock } from "../clock/mod.ts";
import type { CallContext } from "./call-context.ts";
import { breaker } from "./breaker.ts";
import { bulkhead } from "./bulkhead.ts";
import { hedge, type Layer, retry } from "./layers.ts";
import { LatencyHistogram } from "./latency-histogram.ts";
import { pipeline, type Pipeline } from "./pipeline.ts";
import { quantileDelay } from "./quantile-delay.ts";
import { retryBudget } from "./retry-budget.ts";
import { fixedDelay } from "./backoff.ts";

function made(...layers: readonly Layer[]): { clock: ReturnType<typeof manualClock>; line: Pipeline } {
  const clock = manualClock();
  return { clock, line: pipeline({ name: "stock", layers, clock, semantics: "safe" }) };
}

describe("a hedge", () => {
  test("takes the first good answer; the signal of the losers aborts, that of the winner does not", async () => {
    const { line, clock } = made(hedge({ after: 50 }));
    const signals: AbortSignal[] = [];
    const call = line.outcome(async ({ hedge: beside, signal }) => {
      signals.push(signal);
      await clock.sleep(beside === 0 ? 500 : 10, { signal });
      return beside;
    });
    await clock.advance(60);
    expect(await call).toMatchObject({ ok: true, value: 1, attempts: 1 });
    expect(signals.map(({ aborted }) => aborted)).toEqual([true, false]);
    expect(signals[0]?.reason).toMatchObject({ name: "HedgeLostError" });
    expect(clock.timersPending).toBe(0);
  });

  test("does nothing beside a fast attempt", async () => {
    const { line, clock } = made(hedge({ after: 50 }));
    let calls = 0;
    const call = line.run(() => (calls++, clock.sleep(49)));
    await clock.advance(49);
    await call;
    await clock.advance(100);
    expect([calls, clock.timersPending]).toEqual([1, 0]);
  });

  test("costs no more than its budget, which retries share", async () => {
    const budget = retryBudget({ reserve: 2, ratio: 0 });
    const { line, clock } = made(
      retry({ attemptsMax: 2, delay: fixedDelay(0), budget }),
      hedge({ after: 10, extraMax: 3, budget }),
    );
    let calls = 0;
    const call = line.outcome(async () => {
      calls++;
      await clock.sleep(100);
      throw new Error("down");
    });
    await clock.advance(1_000);
    expect(await call).toMatchObject({ ok: false, attempts: 1, stopped: "budget" });
    expect(calls).toBe(3);
  });

  test("a failure waits for the attempts beside it, and is the end when it is the last", async () => {
    const { line, clock } = made(hedge({ after: 10 }));
    const call = line.outcome(async ({ hedge: beside }) => {
      await clock.sleep(beside === 0 ? 20 : 30);
      if (beside === 0) throw new Error("first");
      return "second";
    });
    await clock.advance(40);
    expect(await call).toMatchObject({ ok: true, value: "second" });
    expect(await line.outcome(() => Promise.reject(new Error("at once")))).toMatchObject({
      ok: false,
      reason: "error",
    });
  });

  test("guards count each attempt beside the other, and a loser says nothing about whoever was called", async () => {
    const clock = manualClock();
    const stock = breaker({ clock });
    const db = bulkhead({ permits: 2, clock });
    const line = pipeline({ name: "x", layers: [hedge({ after: 10 }), stock, db], clock, semantics: "safe" });
    const call = line.run(async ({ hedge: beside, signal }: CallContext) =>
      clock.sleep(beside === 0 ? 100 : 5, { signal }),
    );
    await clock.advance(12);
    expect(db.describe().inUse).toBe(2);
    await clock.advance(5);
    await call;
    await clock.settle();
    expect(db.describe().inUse).toBe(0);
    expect(stock.describe().totals).toMatchObject({ succeeded: 1, ignored: 1, failed: 0 });
  });

  test("a caller who aborts ends all of them at once", async () => {
    const { line, clock } = made(hedge({ after: 10 }));
    const stop = new AbortController();
    const reasons: unknown[] = [];
    const call = line.run(
      ({ signal }) =>
        new Promise(() => signal.addEventListener("abort", () => reasons.push(signal.reason), { once: true })),
      { signal: stop.signal },
    );
    await clock.advance(10);
    stop.abort("enough");
    await expect(call).rejects.toBe("enough");
    expect(reasons).toEqual(["enough", "enough"]);
    expect(getEventListeners(stop.signal, "abort")).toHaveLength(0);
  });
});

test("a quantile delay follows the latencies of the present, within its bounds", () => {
  const delay = quantileDelay({ quantile: 0.95, startMs: 100, minMs: 5, maxMs: 500 });
  expect(delay.ms).toBe(100);
  for (let sample = 0; sample < 2_000; sample++) delay.add(sample % 20 === 19 ? 80 : 10);
  expect(delay.ms).toBeGreaterThanOrEqual(10);
  expect(delay.ms).toBeLessThanOrEqual(88);
  for (let sample = 0; sample < 20_000; sample++) delay.add(0.01);
  expect(delay.ms).toBe(5);
  for (let sample = 0; sample < 20_000; sample++) delay.add(60_000);
  expect(delay.ms).toBe(500);
});

test("a histogram's quantile is at most a step above the true one, whatever the size", () => {
  for (const ms of [0.01, 0.5, 3, 77, 12_345, 1e7]) {
    const histogram = new LatencyHistogram();
    for (let sample = 0; sample < 1_000; sample++) histogram.add(ms);
    const found = histogram.quantile(0.5);
    expect(found / ms).toBeGreaterThanOrEqual(1);
    expect(found / ms).toBeLessThan(1.1);
  }
});

describe("a quantile delay", () => {
  test("learns latencies where nothing else asks for the time", async () => {
    const after = quantileDelay();
    const { line, clock } = made(hedge({ after }));
    for (let call = 0; call < 200; call++) {
      const end = line.run(() => clock.sleep(50));
      await clock.advance(50);
      await end;
    }
    expect(after.ms).toBeGreaterThanOrEqual(50);
    expect(after.ms).toBeLessThan(56);
  });

  test("may be bounded below or above where it would start by itself", () => {
    expect(quantileDelay({ maxMs: 50 }).ms).toBe(50);
    expect(quantileDelay({ minMs: 20_000 }).ms).toBe(20_000);
    expect(() => quantileDelay({ minMs: 20, maxMs: 10 })).toThrow("maxMs");
  });
});

test("after the caller has given up no attempt begins, however slowly a guard lets go", async () => {
  const stuck = { kind: "stuck", name: "stuck", enter: () => new Promise<number>(() => {}), leave: () => {} };
  const { line, clock } = made(hedge({ after: 50 }), stuck);
  const stop = new AbortController();
  void line.outcome(() => expect.unreachable(), { signal: stop.signal });
  await clock.settle();
  expect(clock.timersPending).toBe(1);
  stop.abort("enough");
  await clock.settle();
  expect(clock.timersPending).toBe(0);
});
