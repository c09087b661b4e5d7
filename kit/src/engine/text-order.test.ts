import fc from "fast-check";
import { expect, test } from "vitest";
import { compareText, prefixEnd } from "./text-order.ts";

test("names are in the order of their UTF-8 bytes", () => {
  const text = fc.string({
    unit: fc.constantFrom("a", "\0", "é", "\ud7ff", "\ue000", "\uffff", "\u{10000}", "\u{10ffff}"),
    maxLength: 6,
  });
  fc.assert(
    fc.property(text, text, (left, right) => {
      const bytes = Buffer.compare(Buffer.from(left), Buffer.from(right));
      expect(Math.sign(compareText(left, right))).toBe(bytes);
    }),
  );
});

test("the end of a prefix parts the texts that begin with it from all that come behind", () => {
  const text = fc.string({
    unit: fc.constantFrom("a", "b", "\0", "\ud7ff", "\ue000", "\uffff", "\u{10000}", "\u{10ffff}"),
    maxLength: 4,
  });
  fc.assert(
    fc.property(text, text, (prefix, other) => {
      const end = prefixEnd(prefix);
      const isBefore = end === undefined || compareText(prefix + other, end) < 0;
      const isBehind = compareText(other, prefix) > 0 && !other.startsWith(prefix);
      const isParted = !isBehind || (end !== undefined && compareText(other, end) >= 0);
      expect({ isBefore, isParted }).toEqual({ isBefore: true, isParted: true });
    }),
  );
});
