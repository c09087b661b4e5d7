import { expect, test } from "vitest";
import { manualClock } from "../../clock/mod.ts";
import { limiter, tokenBucket } from "../mod.ts";
import { memoryStore } from "./mod.ts";

test("keys are bounded; of a full table those that have nearly recovered go first, and a flood of keys does not free who is limited", () => {
  const clock = manualClock();
  const store = memoryStore({ clock, keysMax: 100 });
  const limit = limiter({ name: "api", rules: [tokenBucket({ limit: 10, windowMs: 60_000 })], store });
  limit.takeNow("spent", { cost: 10 });
  for (let key = 0; key < 10_000; key++) limit.takeNow(`flood ${key}`);
  expect(store.keys).toBe(100);
  expect(limit.takeNow("spent").allowed).toBe(false);
});

test("keys that have recovered are dropped as new ones come, without a timer", async () => {
  const clock = manualClock();
  const store = memoryStore({ clock });
  const limit = limiter({ name: "api", rules: [tokenBucket({ limit: 10, windowMs: 1_000 })], store });
  for (let second = 0; second < 20; second++) {
    for (let key = 0; key < 500; key++) limit.takeNow(`${second} ${key}`);
    await clock.advance(1_000);
  }
  expect(store.keys).toBeLessThanOrEqual(1_500);
  expect(clock.timersPending).toBe(0);
});

test("a refused call of an unknown key takes no place in the table", () => {
  const store = memoryStore({ clock: manualClock() });
  const rules = [
    tokenBucket({ limit: 1, windowMs: 60_000, per: "everyone" }),
    tokenBucket({ name: "own", limit: 5, windowMs: 60_000 }),
  ];
  const limit = limiter({ name: "api", rules, store });
  limit.takeNow("first");
  for (let key = 0; key < 100; key++) limit.takeNow(`flood ${key}`);
  expect(store.keys).toBe(2);
});
