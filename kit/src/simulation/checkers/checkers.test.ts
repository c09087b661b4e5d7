import { describe, expect, test } from "vitest";
import {
  checkBounds,
  checkConvergence,
  checkDurability,
  checkEffects,
  checkOrder,
  watchInvariants,
  type Handling,
  type Violation,
} from "./mod.ts";

const rules = (violations: readonly Violation[]): readonly string[] => violations.map(({ rule }) => rule);

describe("invariants", () => {
  test("are looked at after every k-th event, and when asked", () => {
    let balance = 0;
    const fault = (): string | undefined => (balance < 0 ? `the balance is ${balance}` : undefined);
    const watch = watchInvariants([{ name: "no debt", fault }], 3);
    balance = -1;
    expect([watch.afterEvent(), watch.afterEvent(), watch.afterEvent()].map(rules)).toEqual([
      [],
      [],
      ["invariant: no debt"],
    ]);
    expect(watch.look()[0]?.message).toBe("after event 3: the balance is -1");
    balance = 0;
    expect(watch.look()).toEqual([]);
    expect(() => watchInvariants([], 0)).toThrow("everyEvents");
  });
});

describe("durable acknowledgement", () => {
  const attempted = ["a", "b", "c", "d"];

  test("allows what was not acknowledged to be there or not", () => {
    const acknowledged = new Set(["a", "c"]);
    expect(checkDurability({ attempted, acknowledged, found: ["a", "b", "c"] }, "nothing")).toEqual([]);
    expect(checkDurability({ attempted, acknowledged, found: ["a", "c"] }, "nothing")).toEqual([]);
  });

  test("refuses losses, phantoms and repeats", () => {
    const acknowledged = new Set(["a", "b"]);
    const found = ["a", "a", "x"];
    expect(rules(checkDurability({ attempted, acknowledged, found }, "nothing"))).toEqual([
      "durability: phantom",
      "durability: repeated",
      "durability: lost",
    ]);
  });

  test("a lost tail is no loss of order, a hole is", () => {
    const acknowledged = new Set(attempted);
    expect(checkDurability({ attempted, acknowledged, found: ["a", "b"] }, "tail")).toEqual([]);
    expect(checkDurability({ attempted, acknowledged, found: [] }, "tail")).toEqual([]);
    expect(rules(checkDurability({ attempted, acknowledged, found: ["a", "c"] }, "tail"))).toEqual([
      "durability: order",
    ]);
  });
});

describe("effects", () => {
  const once = [{ key: "a" }, { key: "b" }];
  const twice = [...once, { key: "a" }];

  test("are counted by key", () => {
    expect(checkEffects(once, "exactly once", ["a", "b"])).toEqual([]);
    expect(checkEffects(twice, "at least once", ["a", "b"])).toEqual([]);
    expect(checkEffects(once, "at most once", ["a", "b", "c"])).toEqual([]);
    expect(rules(checkEffects(twice, "at most once", ["a", "b"]))).toEqual(["effects: repeated"]);
    expect(rules(checkEffects(once, "exactly once", ["a", "b", "c"]))).toEqual(["effects: missing"]);
    expect(rules(checkEffects(once, "at most once", ["a"]))).toEqual(["effects: unasked"]);
  });
});

describe("order", () => {
  const added = ["1", "2", "3"].map((id) => ({ key: "k", id }));
  const handled = (id: string, startedAt: number, endedAt: number | undefined): Handling => {
    return { key: "k", id, startedAt, endedAt };
  };

  test("one after the other, repeats included", () => {
    const handlings = [handled("1", 0, undefined), handled("1", 5, 6), handled("2", 6, 7), handled("3", 8, undefined)];
    expect(checkOrder(handlings, { added, atOnceMax: 1 })).toEqual([]);
  });

  test("refuses one that overtakes, one that comes back, and two at once", () => {
    const overtaking = [handled("2", 0, 1), handled("1", 2, 3)];
    const comingBack = [handled("1", 0, 1), handled("2", 2, 3), handled("1", 4, 5)];
    const atOnce = [handled("1", 0, 3), handled("2", 2, 4)];
    expect(rules(checkOrder(overtaking, { added, atOnceMax: 1 }))).toEqual(["order: overtaken"]);
    expect(rules(checkOrder(comingBack, { added, atOnceMax: 1 }))).toEqual(["order: overtaken"]);
    expect(rules(checkOrder(atOnce, { added, atOnceMax: 1 }))).toEqual(["order: crowd"]);
    expect(checkOrder(comingBack, { added, atOnceMax: 2 })).toEqual([]);
    expect(checkOrder(atOnce, { added, atOnceMax: 2 })).toEqual([]);
  });
});

test("replicas that hold the same in another order of fields have converged", () => {
  const same = new Map<string, unknown>([
    ["a", { x: 1, y: 2 }],
    ["b", { y: 2, x: 1 }],
  ]);
  expect(checkConvergence(same)).toEqual([]);
  expect(checkConvergence(new Map([...same, ["c", { x: 2, y: 2 }]]))[0]?.message).toBe(
    "3 replicas hold 2 different values",
  );
});

test("the worst sample above its bound is shown, and what has no bound", () => {
  const samples = [3, 9, 7].map((size, atMs) => ({ name: "waiting", atMs, size }));
  expect(checkBounds(samples, { waiting: 9 })).toEqual([]);
  expect(checkBounds(samples, { waiting: 5 })[0]?.evidence).toEqual([{ name: "waiting", atMs: 1, size: 9 }]);
  expect(checkBounds(samples, {})[0]?.message).toBe('9 in "waiting", which has no bound');
});
