import { expect, test } from "vitest";
import { type ManualClock, manualClock } from "../clock/mod.ts";
import { subscribe } from "../telemetry/mod.ts";
import { afterFailure, afterSuccess, type BreakerState, permissionAt } from "./breaker.ts";
import { FaultyStore } from "./faulty-store.test-world.ts";
import { memoryStore } from "../limiter/memory/mod.ts";
import { concurrency, type Decision, fixedWindow, limiter, type Limiter, type StoreDown, tokenBucket } from "./mod.ts";

interface World {
  readonly clock: ManualClock;
  readonly store: FaultyStore;
  readonly limit: Limiter;
  readonly take: () => Promise<Decision>;
}

function world(storeDown: StoreDown, clock = manualClock()): World {
  const store = new FaultyStore(clock);
  const rules = [tokenBucket({ name: "calls", limit: 8, windowMs: 1_000 })];
  const limit = limiter({
    name: "api",
    rules,
    store,
    clock,
    storeDown,
    failuresMax: 3,
    coolDownMs: 500,
    pendingMax: 50,
  });
  return { clock, store, limit, take: () => limit.take("ada") };
}

const inTurn = async (take: () => Promise<Decision>, count: number): Promise<readonly Decision[]> => {
  const decisions: Decision[] = [];
  for (let call = 0; call < count; call++) decisions.push(await take());
  return decisions;
};

test("calls of one turn are one round trip, and are decided in their order", async () => {
  const { clock, store, take } = world("open");
  const decisions = await Promise.all(Array.from({ length: 20 }, take));
  expect(clock.timersPending).toBe(0);
  expect(store.batches.map((batch) => batch.length)).toEqual([20]);
  expect(decisions.map(({ allowed }) => allowed)).toEqual(Array.from({ length: 20 }, (_, index) => index < 8));
});

test("calls that ask the same are one call to the store; another key, operation, tier, cost or factor is a call of its own", async () => {
  const clock = manualClock();
  const store = new FaultyStore(clock);
  let factor = 1;
  const tiers = {
    free: [tokenBucket({ limit: 10, windowMs: 1_000 })],
    paid: [tokenBucket({ limit: 90, windowMs: 1_000 })],
  };
  const limit = limiter({ name: "api", tiers, store, clock, factor: () => factor });
  const free = { tier: "free" } as const;
  const asked = [limit.take("ada", free), limit.take("ada", free), limit.take("ada", { tier: "paid" })];
  asked.push(
    limit.take("bob", { tier: "paid" }),
    limit.take("bob", { tier: "paid", cost: 2 }),
    limit.peek("bob", free),
  );
  factor = 0.5;
  asked.push(limit.take("bob", free), limit.take("bob", free), limit.take("ada", free));
  await clock.advance(1);
  const decisions = await Promise.all(asked);
  expect(decisions.map(({ limits }) => limits[0]?.remaining)).toEqual([9, 8, 89, 89, 87, 10, 8, 6, 6]);
  const calls = store.batches[0] ?? [];
  expect(calls.map((call, index) => call === calls[index - 1])).toEqual(
    calls.map((_, index) => [1, 7].includes(index)),
  );
});

test("open: when the store is down everybody passes, and the decision says that nobody judged", async () => {
  const { store, take } = world("open");
  store.mode = "down";
  const decisions = await inTurn(take, 20);
  for (const decision of decisions) expect(decision).toMatchObject({ allowed: true, judgedBy: "nobody", limits: [] });
});

test("closed: when the store is down everybody is refused, for a reason that is not a limit", async () => {
  const { store, take } = world("closed");
  store.mode = "down";
  const decisions = await inTurn(take, 4);
  for (const decision of decisions)
    expect(decision).toMatchObject({ allowed: false, reason: "store-down", limitedBy: "", retryAfterMs: 500 });
});

test("local share: when the store is down each process holds its share of every limit", async () => {
  const clock = manualClock();
  const { store, take } = world({ local: memoryStore({ clock }), share: 0.25 }, clock);
  store.mode = "down";
  const decisions = await inTurn(take, 6);
  expect(decisions.map(({ allowed }) => allowed)).toEqual([true, true, false, false, false, false]);
  expect(decisions[5]).toMatchObject({ judgedBy: "local", reason: "limit", limitedBy: "calls", retryAfterMs: 500 });
  const [first] = decisions;
  if (first?.allowed !== true) throw new Error("the first passes");
  await first.giveBack();
  expect((await take()).allowed).toBe(true);
});

test("a store that has failed three times in a row is left alone, then asked once, and heard of when it is back", async () => {
  const { clock, store, take } = world("open");
  const told: string[] = [];
  using _listening = subscribe("ashlar.limiter.store", ({ state }) => told.push(state));
  store.mode = "down";
  await inTurn(take, 20);
  expect(store.batches).toHaveLength(3);
  await clock.advance(500);
  await Promise.all([take(), take(), take()]);
  expect(store.batches).toHaveLength(4);
  store.mode = "up";
  await clock.advance(500);
  await take();
  const decisions = await inTurn(take, 8);
  expect(decisions.map(({ judgedBy }) => judgedBy)).toEqual(Array.from({ length: 8 }, () => "store"));
  expect(decisions.filter(({ allowed }) => allowed)).toHaveLength(7);
  expect(told).toEqual(["down", "down", "up"]);
});

test("an answer that comes after the breaker has opened does not close it: only the probe does", () => {
  const rules = { failuresMax: 2, coolDownMs: 100 };
  let state: BreakerState = afterFailure({ kind: "closed", failures: 0 }, 0, rules);
  expect(state).toEqual({ kind: "closed", failures: 1 });
  state = afterFailure(state, 10, rules);
  expect(state).toEqual({ kind: "open", untilMs: 110 });
  expect(afterSuccess(state)).toEqual(state);
  expect(afterFailure(state, 50, rules)).toEqual(state);
  expect([permissionAt(state, 109), permissionAt(state, 110)]).toEqual(["spare", "probe"]);
  expect(permissionAt({ kind: "probing" }, 110)).toBe("spare");
  expect(afterFailure({ kind: "probing" }, 120, rules)).toEqual({ kind: "open", untilMs: 220 });
  expect(afterSuccess({ kind: "probing" })).toEqual({ kind: "closed", failures: 0 });
});

test("what is given back twice is given back once", async () => {
  const { limit, take } = world("open");
  await take();
  const decision = await limit.take("ada", { cost: 3 });
  if (!decision.allowed) throw new Error("four of eight pass");
  await decision.giveBack();
  await decision.giveBack();
  expect((await limit.peek("ada")).limits[0]?.remaining).toBe(7);
  const fixed = limiter({
    name: "fixed",
    rules: [fixedWindow({ limit: 9, windowMs: 60_000 })],
    store: new FaultyStore(manualClock()),
  });
  await fixed.take("ada", { cost: 3 });
  const twice = await fixed.take("ada", { cost: 3 });
  if (!twice.allowed) throw new Error("six of nine pass");
  await twice.giveBack();
  await twice.giveBack();
  expect((await fixed.peek("ada")).limits[0]?.remaining).toBe(6);
});

test("failures that are not in a row leave the store in use", async () => {
  const { store, take } = world("open");
  for (let round = 0; round < 5; round++) {
    store.mode = "down";
    await inTurn(take, 2);
    store.mode = "up";
    await take();
  }
  expect(store.batches).toHaveLength(15);
});

test("a store that does not answer holds nobody up for longer than its time, and leaves no timer", async () => {
  const { clock, store, take } = world("open");
  store.mode = "silent";
  const waiting = take();
  await clock.advance(249);
  expect(await Promise.race([waiting, Promise.resolve("waiting")])).toBe("waiting");
  await clock.advance(1);
  expect(await waiting).toMatchObject({ allowed: true, judgedBy: "nobody" });
  expect(clock.timersPending).toBe(0);
});

test("beyond the calls that may wait, further ones are judged as if the store were down", async () => {
  const { clock, store, take } = world("closed");
  store.mode = "silent";
  const waiting = Array.from({ length: 60 }, take);
  const early = await Promise.all(waiting.slice(50));
  for (const decision of early) expect(decision).toMatchObject({ allowed: false, reason: "store-down" });
  await clock.advance(250);
  expect(await Promise.all(waiting)).toHaveLength(60);
});

test("giving back and renewing never reject: what the store does not hear of runs out by itself", async () => {
  const clock = manualClock();
  const store = new FaultyStore(clock);
  const limit = limiter({ name: "jobs", rules: [concurrency({ limit: 1, leaseMs: 1_000 })], store, clock });
  const held = await limit.take("ada");
  if (!held.allowed) throw new Error("the first passes");
  store.mode = "down";
  expect(await held.renew()).toBe("lost");
  await held[Symbol.asyncDispose]();
  store.mode = "up";
  expect((await limit.take("ada")).allowed).toBe(false);
  await clock.advance(1_000);
  expect((await limit.take("ada")).allowed).toBe(true);
});
