import fc from "fast-check";
import { expect, test } from "vitest";
import { given, kept } from "./text.ts";

const texts = fc.string({ unit: fc.constantFrom("\0", "\u0001", "\u0002", "a") });

test("every text comes back, and none is kept with a zero byte", () => {
  fc.assert(
    fc.property(texts, (text) => {
      expect(kept(text)).not.toContain("\0");
      expect(given(kept(text))).toBe(text);
    }),
  );
});

test("order and beginnings stay as they are", () => {
  fc.assert(
    fc.property(texts, texts, (one, other) => {
      expect(kept(one) < kept(other)).toBe(one < other);
      expect(kept(one + other).startsWith(kept(one))).toBe(true);
    }),
  );
});
