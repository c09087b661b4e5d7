import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { manualClock } from "../clock/mod.ts";
import { memoryStore } from "../limiter/memory/mod.ts";
import {
  concurrency,
  fixedWindow,
  leakyBucket,
  limiter,
  type NowDecision,
  type Rule,
  slidingLog,
  slidingWindow,
  tokenBucket,
} from "./mod.ts";

/** A take that passed, and when in microseconds. */
interface Pass {
  readonly atUs: number;
  readonly cost: number;
}

interface Step {
  readonly pauseUs: number;
  readonly cost: number;
}

const originMs = manualClock().now();
const step = fc.record({
  pauseUs: fc.oneof(fc.constant(0), fc.nat(2_000), fc.nat(150_000), fc.integer({ min: 90_000, max: 210_000 })),
  cost: fc.oneof({ arbitrary: fc.constant(1), weight: 4 }, { arbitrary: fc.integer({ min: 1, max: 4 }), weight: 1 }),
});
const steps = fc.array(step, { maxLength: 120 });
const limitOf = fc.integer({ min: 1, max: 9 });
const windowMsOf = fc.constantFrom(7, 50, 100, 333);

/** What passes when each step pauses and then takes. */
function run(rule: Rule, taken: readonly Step[]): readonly Pass[] {
  let atUs = 0;
  const clock = { now: () => originMs, monotonic: () => atUs / 1_000 };
  const limit = limiter({ name: "property", rules: [rule], store: memoryStore({ clock }) });
  const passes: Pass[] = [];
  for (const { pauseUs, cost } of taken) {
    atUs += pauseUs;
    if (limit.takeNow("key", { cost }).allowed) passes.push({ atUs: originMs * 1_000 + atUs, cost });
  }
  return passes;
}

const sum = (passes: readonly Pass[]): number => passes.reduce((total, { cost }) => total + cost, 0);

/** The heaviest window of that length that ends with a pass, its begin excluded. */
function heaviest(passes: readonly Pass[], windowUs: number): number {
  return Math.max(
    0,
    ...passes.map(({ atUs }) => sum(passes.filter((pass) => pass.atUs <= atUs && pass.atUs > atUs - windowUs))),
  );
}

function heaviestAligned(passes: readonly Pass[], windowUs: number): number {
  const windows = new Set(passes.map(({ atUs }) => Math.floor(atUs / windowUs)));
  return Math.max(
    0,
    ...[...windows].map((window) => sum(passes.filter(({ atUs }) => Math.floor(atUs / windowUs) === window))),
  );
}

describe("in any interval no more passes than the rule says", () => {
  test("token bucket: the burst, and what the rate brings in that time", () => {
    const property = fc.property(limitOf, windowMsOf, limitOf, steps, (limit, windowMs, burst, taken) => {
      const passes = run(tokenBucket({ limit, windowMs, burst }), taken);
      for (const [from, first] of passes.entries())
        for (const [to, last] of passes.entries()) {
          if (to < from) continue;
          const ratio = (last.atUs - first.atUs) / (windowMs * 1_000);
          expect(sum(passes.slice(from, to + 1))).toBeLessThanOrEqual(burst + limit * ratio + 1e-9);
        }
    });
    fc.assert(property, { numRuns: 60 });
  });

  test("fixed window: the limit in each window of the calendar", () => {
    const property = fc.property(limitOf, windowMsOf, steps, (limit, windowMs, taken) => {
      const passes = run(fixedWindow({ limit, windowMs }), taken);
      expect(heaviestAligned(passes, windowMs * 1_000)).toBeLessThanOrEqual(limit);
    });
    fc.assert(property, { numRuns: 60 });
  });

  test("sliding window: the limit in each window of the calendar, and below twice as many in any", () => {
    const property = fc.property(limitOf, windowMsOf, steps, (limit, windowMs, taken) => {
      const passes = run(slidingWindow({ limit, windowMs }), taken);
      expect(heaviestAligned(passes, windowMs * 1_000)).toBeLessThanOrEqual(limit);
      expect(heaviest(passes, windowMs * 1_000)).toBeLessThanOrEqual(Math.max(limit, 2 * limit - 1));
    });
    fc.assert(property, { numRuns: 60 });
  });

  test("sliding log: the limit in any window, and whatever fits passes", () => {
    const property = fc.property(limitOf, windowMsOf, steps, (limit, windowMs, taken) => {
      const passes = run(slidingLog({ limit, windowMs }), taken);
      expect(heaviest(passes, windowMs * 1_000)).toBeLessThanOrEqual(limit);
    });
    fc.assert(property, { numRuns: 60 });
  });

  test("concurrency: the limit at any moment, whoever forgets to give back", async () => {
    const holder = fc.record({ pauseMs: fc.nat(30), holdMs: fc.option(fc.nat(80), { nil: undefined }) });
    const property = fc.asyncProperty(limitOf, fc.array(holder, { maxLength: 60 }), async (limit, holders) => {
      const clock = manualClock();
      const rules = [concurrency({ limit, leaseMs: 50 })];
      const leases = limiter({ name: "leases", rules, store: memoryStore({ clock }), clock });
      let held: { readonly decision: NowDecision; readonly endsMs: number; readonly untilMs: number }[] = [];
      for (const { pauseMs, holdMs } of holders) {
        await clock.advance(pauseMs);
        const nowMs = clock.monotonic();
        for (const { decision } of held.filter(({ endsMs }) => endsMs <= nowMs)) decision[Symbol.dispose]();
        held = held.filter(({ endsMs, untilMs }) => endsMs > nowMs && untilMs > nowMs);
        const decision = leases.takeNow("key");
        expect(decision.allowed).toBe(held.length < limit);
        if (decision.allowed) held.push({ decision, endsMs: nowMs + (holdMs ?? Infinity), untilMs: nowMs + 50 });
      }
    });
    await fc.assert(property, { numRuns: 40 });
  });

  test("leaky bucket: calls that wait as told start no closer than the rate", () => {
    const property = fc.property(limitOf, windowMsOf, steps, (limit, windowMs, taken) => {
      let atUs = 0;
      const clock = { now: () => originMs, monotonic: () => atUs / 1_000 };
      const rules = [leakyBucket({ limit, windowMs, queueMax: 5 })];
      const queue = limiter({ name: "queue", rules, store: memoryStore({ clock }) });
      const starts: number[] = [];
      for (const { pauseUs } of taken) {
        atUs += pauseUs;
        const decision = queue.takeNow("key");
        if (decision.allowed) starts.push(atUs + decision.delayMs * 1_000);
      }
      const gapUs = (windowMs * 1_000) / limit;
      const gaps = starts.slice(1).map((startUs, index) => startUs - (starts[index] ?? 0));
      expect(Math.min(Infinity, ...gaps)).toBeGreaterThan(gapUs - 2);
    });
    fc.assert(property, { numRuns: 60 });
  });
});

test("what is given back in any order never lets more pass than if it had never been taken", async () => {
  const move = fc.record({ pauseMs: fc.nat(40), cost: fc.integer({ min: 1, max: 4 }), giveBack: fc.option(fc.nat()) });
  const property = fc.asyncProperty(limitOf, fc.array(move, { maxLength: 80 }), async (burst, moves) => {
    const clock = manualClock();
    const rules = [tokenBucket({ limit: 3, windowMs: 100, burst })];
    const limit = limiter({ name: "refunds", rules, store: memoryStore({ clock }), clock });
    let kept: (Pass & { readonly decision: NowDecision })[] = [];
    for (const { pauseMs, cost, giveBack } of moves) {
      await clock.advance(pauseMs);
      const returned = giveBack === null ? undefined : kept[giveBack % Math.max(1, kept.length)];
      if (returned?.decision.allowed === true) returned.decision.giveBack();
      kept = kept.filter((pass) => pass !== returned);
      const decision = limit.takeNow("key", { cost });
      const atUs = clock.monotonic() * 1_000;
      if (decision.allowed) kept.push({ atUs, cost, decision });
      for (const [from, first] of kept.entries())
        expect(sum(kept.slice(from))).toBeLessThanOrEqual(burst + (3 * (atUs - first.atUs)) / 100_000 + 1e-9);
    }
  });
  await fc.assert(property, { numRuns: 150 });
});

test("fractions do not drift: at three sevenths of a second every call passes and never one more, for eight hours", () => {
  let atUs = 0;
  const clock = { now: () => originMs, monotonic: () => atUs / 1_000 };
  const rules = [tokenBucket({ limit: 7, windowMs: 3_000, burst: 2 })];
  const limit = limiter({ name: "odd", rules, store: memoryStore({ clock }) });
  limit.takeNow("key");
  let mistakes = 0;
  for (let call = 0; call < 70_000; call++) {
    atUs = Math.ceil((call * 3_000_000) / 7);
    if (!limit.takeNow("key").allowed || limit.takeNow("key").allowed) mistakes++;
  }
  expect(mistakes).toBe(0);
});

test("around the edge of a window twice the limit may pass with fixed windows, and never with a token bucket or a log", async () => {
  const clock = manualClock();
  await clock.advance(1_000 - (clock.now() % 1_000) + 960);
  const count = async (rule: Rule): Promise<number> => {
    const own = manualClock({ nowMs: clock.now() });
    const limit = limiter({ name: "edge", rules: [rule], store: memoryStore({ clock: own }), clock: own });
    let passed = 0;
    for (let call = 0; call < 400; call++) {
      if (call === 200) await own.advance(61);
      if (limit.takeNow("key").allowed) passed++;
    }
    return passed;
  };
  expect(await count(fixedWindow({ limit: 100, windowMs: 1_000 }))).toBe(200);
  expect(await count(slidingLog({ limit: 100, windowMs: 1_000 }))).toBe(100);
  expect(await count(tokenBucket({ limit: 100, windowMs: 1_000 }))).toBe(106);
  expect(await count(slidingWindow({ limit: 100, windowMs: 1_000 }))).toBe(102);
});

test("takes that are given back out of turn for long do not make a key last for ever", async () => {
  const clock = manualClock();
  const store = memoryStore({ clock });
  const limit = limiter({ name: "long", rules: [tokenBucket({ limit: 10, windowMs: 1_000 })], store });
  for (let round = 0; round < 100; round++) {
    const first = limit.takeNow("key");
    limit.takeNow("key");
    if (first.allowed) first.giveBack();
    await clock.advance(300);
  }
  await clock.advance(1_000);
  // Few keys are left alone, so that it takes more for one that has recovered to be dropped.
  for (let key = 0; key < 1_100; key++) limit.takeNow(`new ${key}`);
  expect(store.keys).toBe(1_100);
});
