import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ring } from "./mod.ts";

describe("a ring", () => {
  test("holds the last items of any history, oldest first, and returns what it lets go", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 10 }), fc.array(fc.integer(), { maxLength: 50 }), (capacity, items) => {
        const window = ring<number>(capacity);
        const left = items.map((item) => window.push(item)).filter((item) => item !== undefined);
        const kept = items.slice(-capacity);
        expect([...window]).toEqual(kept);
        expect(left).toEqual(items.slice(0, items.length - kept.length));
        expect([window.size, window.at(0), window.at(kept.length - 1)]).toEqual([kept.length, kept[0], kept.at(-1)]);
        expect([window.at(-1), window.at(kept.length)]).toEqual([undefined, undefined]);
      }),
    );
  });

  test("is empty after clear and can be filled again", () => {
    const window = ring<string>(2);
    for (const item of ["a", "b", "c"]) window.push(item);
    window.clear();
    expect([...window]).toEqual([]);
    expect(window.push("d")).toBeUndefined();
    expect([...window]).toEqual(["d"]);
  });

  test("a capacity that is no size is refused", () => {
    for (const capacity of [0, -1, 1.5, Number.NaN, 2 ** 25]) expect(() => ring(capacity)).toThrow("option capacity");
  });
});
