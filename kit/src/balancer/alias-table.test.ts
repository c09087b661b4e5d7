import fc from "fast-check";
import { expect, test } from "vitest";
import { aliasTable, placeAt } from "./alias-table.ts";

test("each place has the chance of its weight, exactly", () => {
  const weights = fc.array(fc.double({ min: 0.001, max: 1_000, noNaN: true }), { minLength: 1, maxLength: 30 });
  fc.assert(
    fc.property(weights, (chosen) => {
      const { chances, aliases } = aliasTable(chosen);
      const parts = chosen.map(() => 0);
      for (const [column, chance] of chances.entries()) {
        const alias = aliases[column] ?? 0;
        parts[column] = (parts[column] ?? 0) + chance / chosen.length;
        parts[alias] = (parts[alias] ?? 0) + (1 - chance) / chosen.length;
      }
      const sum = chosen.reduce((total, weight) => total + weight, 0);
      for (const [place, weight] of chosen.entries()) expect(parts[place]).toBeCloseTo(weight / sum, 9);
    }),
  );
});

test("every number in [0, 1) has a place", () => {
  const table = aliasTable([1, 2, 3]);
  for (const fraction of [0, 0.25, 0.5, 0.75, 1 - 2 ** -53]) expect([0, 1, 2]).toContain(placeAt(table, fraction));
});
