import fc from "fast-check";
import { expect, test } from "vitest";
import { formatMinor, lineTotal, parsePrice, shareOf, sumMinor } from "./money.ts";

test("a price with up to four decimals is exact", () => {
  expect(parsePrice("2.55")).toBe(25_500);
  expect(parsePrice("2.5")).toBe(25_000);
  expect(parsePrice("0.0001")).toBe(1);
  expect(parsePrice("-11062.06")).toBe(-110_620_600);
  expect(parsePrice("7")).toBe(70_000);
});

test("what is no plain decimal is no price", () => {
  for (const text of ["", " ", "1,5", "1e3", "0x10", "1.23456", ".5", "5.", "NaN", "--1", "£2.50", "9".repeat(13)])
    expect(parsePrice(text)).toBeUndefined();
});

test("a negative zero is zero", () => {
  expect(Object.is(parsePrice("-0.00"), 0)).toBe(true);
  expect(Object.is(lineTotal(-3, 0), 0)).toBe(true);
});

test("a total that is not a whole number of pence is refused, not rounded", () => {
  expect(lineTotal(3, 1_250)).toBeUndefined();
  expect(lineTotal(8, 1_250)).toBe(100);
  expect(lineTotal(Number.MAX_SAFE_INTEGER, 100)).toBeUndefined();
});

test("parts taken one after another add up to the whole", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 2 ** 50 }),
      fc.array(fc.integer({ min: 1, max: 1_000 }), { minLength: 1 }),
      (total, parts) => {
        let leftMinor = total;
        let leftUnits = parts.reduce((sum, part) => sum + part, 0);
        for (const part of parts) {
          const share = shareOf(leftMinor, part, leftUnits);
          expect(share).toBeGreaterThanOrEqual(0);
          leftMinor -= share;
          leftUnits -= part;
        }
        expect(leftMinor).toBe(0);
      },
    ),
  );
});

test("a sum beyond the safe integers is refused", () => {
  expect(() => sumMinor([Number.MAX_SAFE_INTEGER, 1])).toThrow("safe integers");
  expect(sumMinor([])).toBe(0);
});

test("amounts read as people write them", () => {
  expect(formatMinor(123_456_789)).toBe("1,234,567.89");
  expect(formatMinor(-5)).toBe("-0.05");
  expect(formatMinor(0)).toBe("0.00");
});
