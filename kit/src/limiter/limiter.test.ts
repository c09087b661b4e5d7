import { expect, test } from "vitest";
import { manualClock } from "../clock/mod.ts";
import { ConfigError } from "../errors/mod.ts";
import { subscribe } from "../telemetry/mod.ts";
import { memoryStore } from "../limiter/memory/mod.ts";
import { concurrency, fixedWindow, leakyBucket, limiter, slidingLog, slidingWindow, tokenBucket } from "./mod.ts";

const second = tokenBucket({ name: "second", limit: 2, windowMs: 1_000 });
const hour = fixedWindow({ name: "hour", limit: 3, windowMs: 3_600_000 });

test("a refusal is a value that says by which rule and until when, and who waits so long passes", async () => {
  const clock = manualClock();
  const limit = limiter({ name: "api", rules: [second, hour], store: memoryStore({ clock }), clock });
  await limit.take("ada", { cost: 2 });
  const refused = await limit.take("ada");
  expect(refused).toMatchObject({
    allowed: false,
    reason: "limit",
    limitedBy: "second",
    retryAfterMs: 500,
    judgedBy: "store",
  });
  await clock.advance(500);
  const granted = await limit.take("ada");
  expect(granted).toMatchObject({ allowed: true, delayMs: 0, judgedBy: "store" });
  expect(granted.limits).toEqual([
    { name: "second", kind: "token-bucket", limit: 2, windowMs: 1_000, remaining: 0, resetAfterMs: 1_000 },
    { name: "hour", kind: "fixed-window", limit: 3, windowMs: 3_600_000, remaining: 0, resetAfterMs: 3_599_500 },
  ]);
});

test("the answer at once and the answer that is waited for are one and the same limit", async () => {
  const clock = manualClock();
  for (const rules of [[second], [second, hour], [slidingLog({ limit: 2, windowMs: 1_000 })]]) {
    const limit = limiter({
      name: `both ${rules.length} ${rules[0]?.kind}`,
      rules,
      store: memoryStore({ clock }),
      clock,
    });
    expect(limit.takeNow("ada").allowed).toBe(true);
    expect((await limit.take("ada")).allowed).toBe(true);
    const refused = limit.takeNow("ada");
    expect(refused).toMatchObject({ allowed: false, reason: "limit", limitedBy: rules[0]?.name });
    expect((await limit.take("ada")).allowed).toBe(false);
    expect((await limit.peek("ada")).allowed).toBe(false);
    expect((await limit.peek("bob")).limits[0]?.remaining).toBe(2);
    expect(refused.limits[0]?.remaining).toBe(0);
  }
});

test("a tier adds its rules to those for all, and a tier that is not there is a fault of the caller", () => {
  const clock = manualClock();
  const limit = limiter({
    name: "tiers",
    rules: [tokenBucket({ name: "all", limit: 4, windowMs: 1_000, per: "everyone" })],
    tiers: {
      free: [tokenBucket({ name: "calls", limit: 1, windowMs: 1_000 })],
      premium: [tokenBucket({ name: "calls", limit: 10, windowMs: 1_000 })],
    },
    store: memoryStore({ clock }),
    clock,
  });
  const passed = (key: string, tier?: "free" | "premium"): number =>
    Array.from({ length: 5 }, () => limit.takeNow(key, tier === undefined ? {} : { tier })).filter(
      ({ allowed }) => allowed,
    ).length;
  expect([passed("ada", "free"), passed("bob", "premium"), passed("eve")]).toEqual([1, 3, 0]);
  // @ts-expect-error: the types know the tiers, too
  expect(() => limit.takeNow("ada", { tier: "gold" })).toThrow(ConfigError);
});

test("permits that are given back can be taken again, each grant's once", async () => {
  const clock = manualClock();
  for (const rules of [[second], [second, hour]]) {
    const limit = limiter({ name: `back ${rules.length}`, rules, store: memoryStore({ clock }), clock });
    const now = limit.takeNow("ada");
    const later = await limit.take("ada");
    if (!now.allowed || !later.allowed) throw new Error("two pass");
    now.giveBack();
    now.giveBack();
    await later.giveBack();
    await later.giveBack();
    expect([1, 2, 3].map(() => limit.takeNow("ada").allowed)).toEqual([true, true, false]);
  }
});

test("a grant that is waited for says and does the same under one rule as under several", async () => {
  const clock = manualClock();
  for (const rules of [[second], [second, hour]]) {
    const limit = limiter({ name: `same ${rules.length}`, rules, store: memoryStore({ clock }), clock });
    const grant = await limit.take("ada");
    expect(grant).toMatchObject({ allowed: true, delayMs: 0, judgedBy: "store" });
    expect(grant.limits[0]).toMatchObject({ name: "second", remaining: 1 });
    expect(grant.allowed && (await grant.renew())).toBe("renewed");
    await grant[Symbol.asyncDispose]();
    expect(limit.takeNow("ada").limits[0]).toMatchObject({ remaining: 0 });
    if (grant.allowed) await grant.giveBack();
    expect(grant.allowed && (await grant.renew())).toBe("lost");
    expect(grant.limits[0]).toMatchObject({ remaining: 1 });
    await expect(limit.take("x".repeat(513))).rejects.toThrow(ConfigError);
  }
});

test("the disposal of a grant gives back leases and no rates", async () => {
  const clock = manualClock();
  const rules = [concurrency({ limit: 1, leaseMs: 60_000 }), fixedWindow({ limit: 3, windowMs: 60_000 })];
  const limit = limiter({ name: "jobs", rules, store: memoryStore({ clock }), clock });
  {
    await using first = await limit.take("ada");
    expect(first.allowed).toBe(true);
    await using second = await limit.take("ada");
    expect(second).toMatchObject({ allowed: false, limitedBy: "concurrency" });
  }
  {
    using third = limit.takeNow("ada");
    expect(third.allowed).toBe(true);
  }
  const last = limit.takeNow("ada");
  expect(last.allowed && last.renew()).toBe("renewed");
  last[Symbol.dispose]();
  expect(last.allowed && last.renew()).toBe("lost");
  expect(limit.takeNow("ada")).toMatchObject({ allowed: false, limitedBy: "fixed-window" });
});

test("a lease of a grant lasts while it is renewed", async () => {
  const clock = manualClock();
  const limit = limiter({
    name: "jobs",
    rules: [concurrency({ limit: 1, leaseMs: 100 })],
    store: memoryStore({ clock }),
    clock,
  });
  const held = await limit.take("ada");
  if (!held.allowed) throw new Error("the first passes");
  await clock.advance(80);
  expect(await held.renew()).toBe("renewed");
  await clock.advance(80);
  expect((await limit.take("ada")).allowed).toBe(false);
  await clock.advance(20);
  expect(await held.renew()).toBe("lost");
});

test("a leaky bucket says how long to wait, the slowest of several rules", () => {
  const clock = manualClock();
  const slow = leakyBucket({ name: "slow", limit: 1, windowMs: 1_000, queueMax: 2 });
  const quick = leakyBucket({ name: "quick", limit: 10, windowMs: 1_000, queueMax: 5 });
  const limit = limiter({ name: "spaced", rules: [quick, slow], store: memoryStore({ clock }), clock });
  const decisions = Array.from({ length: 4 }, () => limit.takeNow("ada"));
  expect(decisions.map((decision) => (decision.allowed ? decision.delayMs : decision.limitedBy))).toEqual([
    0,
    1_000,
    2_000,
    "slow",
  ]);
});

test("at a factor of a quarter a quarter passes, and whatever fits its limits still passes at times", async () => {
  const clock = manualClock();
  let factor = 1;
  const rules = [tokenBucket({ limit: 100, windowMs: 1_000, burst: 1 })];
  const limit = limiter({ name: "adaptive", rules, factor: () => factor, store: memoryStore({ clock }), clock });
  const passedIn = async (seconds: number): Promise<number> => {
    let passed = 0;
    for (let tick = 0; tick < seconds * 200; tick++) {
      if (limit.takeNow("ada").allowed) passed++;
      await clock.advance(5);
    }
    return passed;
  };
  expect(await passedIn(1)).toBe(100);
  factor = 0.25;
  expect(await passedIn(1)).toBe(25);
  factor = Number.NaN;
  expect(await passedIn(1)).toBeGreaterThan(96);
});

test("each refusal is told, with its key and rule", () => {
  const clock = manualClock();
  const limit = limiter({ name: "told", rules: [second], store: memoryStore({ clock }), clock });
  const told: unknown[] = [];
  using _listening = subscribe("ashlar.limiter.refused", (event) => told.push(event));
  for (let call = 0; call < 3; call++) limit.takeNow("ada");
  expect(told).toEqual([{ limiter: "told", key: "ada", rule: "second", reason: "limit", retryAfterMs: 500 }]);
});

const store = memoryStore();
test.each([
  ["limit", () => tokenBucket({ limit: 0, windowMs: 1 })],
  ["limit", () => slidingLog({ limit: 10_001, windowMs: 1 })],
  ["windowMs", () => slidingWindow({ limit: 1, windowMs: 0.5 })],
  ["windowMs", () => fixedWindow({ limit: 1, windowMs: 11 * 366 * 86_400_000 })],
  ["burst", () => tokenBucket({ limit: 1, windowMs: 1, burst: 0 })],
  ["queueMax", () => leakyBucket({ limit: 1, windowMs: 1, queueMax: -1 })],
  ["leaseMs", () => concurrency({ limit: 1, leaseMs: 0 })],
  ["name", () => tokenBucket({ name: 'a"b', limit: 1, windowMs: 1 })],
  ["name", () => limiter({ name: "", rules: [second], store })],
  ["rules", () => limiter({ name: "none", store })],
  ["rules", () => limiter({ name: "twice", rules: [second, second], store })],
  ["keysMax", () => memoryStore({ keysMax: 0 })],
  ["cost", () => limiter({ name: "x", rules: [second], store }).takeNow("ada", { cost: 0 })],
  ["cost", () => limiter({ name: "x", rules: [second], store }).takeNow("ada", { cost: 1.5 })],
  ["key", () => limiter({ name: "x", rules: [second], store }).takeNow("a".repeat(513))],
])("an option out of range is named: %s", (option, make) => {
  expect(make).toThrow(expect.objectContaining({ name: "ConfigError", option }));
});
