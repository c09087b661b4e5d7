import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { closestName, editDistance } from "./closest-name.ts";
import { byteUnits, durationUnits, quantityOf, quantityText } from "./quantity.ts";

describe("a quantity", () => {
  test.each([
    ["0", 0],
    ["250ms", 250],
    ["5s", 5_000],
    [" 1.5 S ", 1_500],
    ["1h30m", 5_400_000],
    ["2d 1ms", 172_800_001],
    ["30", undefined],
    ["", undefined],
    ["5", undefined],
    ["5x", undefined],
    ["5m1h", undefined],
    ["5s5s", undefined],
    ["-5s", undefined],
    ["0.5ms", undefined],
    ["5s!", undefined],
    ["999999999999999d", undefined],
  ])("written %j is %s ms", (text, expected) => {
    expect(quantityOf(text, durationUnits)).toBe(expected);
  });

  test.each([
    ["512B", 512],
    ["64KB", 64_000],
    ["64kib", 65_536],
    ["1.5GiB", 1_610_612_736],
    ["64k", undefined],
  ])("written %j is %s bytes", (text, expected) => {
    expect(quantityOf(text, byteUnits)).toBe(expected);
  });

  test("that is shown is read again as itself", () => {
    const integers = fc.oneof(fc.nat(), fc.integer({ min: 0, max: 2 ** 49 }));
    fc.assert(
      fc.property(integers, fc.constantFrom(durationUnits, byteUnits), (value, units) => {
        expect(quantityOf(quantityText(value, units), units)).toBe(value);
      }),
    );
  });
});

describe("the closest name", () => {
  test("is a typing mistake away, or there is none", () => {
    expect(closestName("prot", ["port", "proto", "grace"])).toBe("port");
    expect(closestName("engine-url", ["port", "grace"])).toBeUndefined();
    expect(closestName("p", ["port"])).toBeUndefined();
    expect(closestName("x", [])).toBeUndefined();
  });

  test("goes by a distance that is 0 for the same text only, the same both ways, and at most the longer length", () => {
    const words = fc.string({ maxLength: 8, unit: fc.constantFrom("a", "b", "c") });
    fc.assert(
      fc.property(words, words, (left, right) => {
        const distance = editDistance(left, right);
        expect(distance === 0).toBe(left === right);
        expect(distance).toBe(editDistance(right, left));
        expect(distance).toBeLessThanOrEqual(Math.max(left.length, right.length));
        expect(distance).toBeGreaterThanOrEqual(Math.abs(left.length - right.length));
      }),
    );
  });
});
