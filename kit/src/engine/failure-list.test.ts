import fc from "fast-check";
import { expect, test } from "vitest";
import { withFailure } from "./failure-list.ts";
import { failuresKept } from "./message.ts";

test("the first failure and the latest ones are kept, in order", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 60 }), (count) => {
      const all = Array.from({ length: count }, (_, n) => `failure ${n}`);
      const kept = all.reduce<readonly string[]>(withFailure, []);
      const expected = count <= failuresKept ? all : [all[0], ...all.slice(1 - failuresKept)];
      expect(kept).toEqual(expected);
    }),
  );
});

test("no failure changes nothing", () => {
  const failures = ["one"];
  expect(withFailure(failures, undefined)).toBe(failures);
});
