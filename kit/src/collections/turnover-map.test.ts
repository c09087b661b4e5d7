import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { turnoverMap } from "./mod.ts";

const step = fc.record({
  does: fc.constantFrom("set", "set", "set", "delete", "delete", "delete", "clear"),
  key: fc.integer({ min: 0, max: 60 }),
});

describe("a turnover map", () => {
  test("agrees with a Map under any history", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 400 }), (steps) => {
        const model = new Map<number, number>();
        const map = turnoverMap<number, number>();
        for (const [at, { does, key }] of steps.entries()) {
          if (does === "set") for (const each of [model, map]) each.set(key, at);
          else if (does === "delete") expect(map.delete(key)).toBe(model.delete(key));
          else if (key === 0) for (const each of [model, map]) each.clear();
          expect([map.size, map.get(key), map.has(key)]).toEqual([model.size, model.get(key), model.has(key)]);
        }
        expect([[...map.keys()], [...map.values()]]).toEqual([[...model.keys()], [...model.values()]]);
      }),
    );
  });

  test("keeps its entries over many turns in their order", () => {
    const map = turnoverMap<string, number>();
    for (let entry = 0; entry < 10_000; entry++) {
      map.set(`k${entry}`, entry);
      if (entry >= 3) expect(map.delete(`k${entry - 3}`)).toBe(true);
    }
    expect([...map.values()]).toEqual([9_997, 9_998, 9_999]);
  });

  test("a walk over it may delete what it meets", () => {
    const map = turnoverMap<number, number>();
    for (let key = 0; key < 100; key++) map.set(key, key);
    const met: number[] = [];
    for (const key of map.values()) {
      met.push(key);
      map.delete(key);
    }
    expect(met).toHaveLength(100);
    expect(map.size).toBe(0);
  });
});
