import fc from "fast-check";
import { expect, test } from "vitest";
import { KnownCells } from "./known-cells.ts";

const use = fc.tuple(fc.constantFrom("a", "b"), fc.integer({ min: 0, max: 20 }));

test("the cells used last are kept, and cells of one key in two spaces are two", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 8 }), fc.array(use, { maxLength: 120 }), (size, uses) => {
      const cells = new KnownCells(size);
      for (const [space, key] of uses)
        if (cells.get(space, `${key}`) === undefined)
          cells.add(space, `${key}`, { version: key, expiresAtMs: space === "a" ? 1 : 2 });
      const latest = new Map(uses.toReversed().map((one) => [one.join("/"), one]));
      for (const [space, key] of [...latest.values()].slice(0, size - 1))
        expect(cells.get(space, `${key}`)).toEqual({ version: key, expiresAtMs: space === "a" ? 1 : 2 });
      cells.forget();
      for (const [space, key] of uses) expect(cells.get(space, `${key}`)).toBeUndefined();
    }),
  );
});
