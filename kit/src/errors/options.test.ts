import { describe, expect, test } from "vitest";
import { ConfigError, integerIn, numberIn, oneOf, textOf } from "./mod.ts";

describe("an option check", () => {
  test("returns a value in range, bounds included", () => {
    expect(integerIn("n", 1, { min: 1, max: 3 })).toBe(1);
    expect(integerIn("n", 3, { min: 1, max: 3 })).toBe(3);
    expect(integerIn("n", -7, {})).toBe(-7);
    expect(numberIn("ratio", 0.25, { min: 0, max: 1 })).toBe(0.25);
    expect(oneOf("order", "strict", ["none", "strict"])).toBe("strict");
    expect(textOf("name", "orders")).toBe("orders");
  });

  test("refuses everything else and names the option, the value and what is expected", () => {
    for (const value of [0, 4, 1.5, Number.NaN, Infinity, 2 ** 53, "2", null, undefined])
      expect(() => integerIn("n", value, { min: 1, max: 3 })).toThrow(ConfigError);
    expect(() => integerIn("n", 4, { min: 1, max: 3 })).toThrow("option n is 4, expected an integer from 1 to 3");
    expect(() => integerIn("n", 0, { min: 1 })).toThrow("an integer of 1 or more");
    expect(() => numberIn("n", 2, { max: 1 })).toThrow("a number of 1 or less");
    expect(() => numberIn("n", Number.NaN, {})).toThrow("option n is NaN, expected a number");
    expect(() => oneOf("order", "any", ["none", "strict"])).toThrow(
      'option order is "any", expected one of "none", "strict"',
    );
    for (const value of ["", "x".repeat(256), 5]) expect(() => textOf("name", value)).toThrow(ConfigError);
  });
});
