import { manualClock } from "ashlar/clock";
import type { Client } from "ashlar/contract";
import { seededRandom } from "ashlar/random";
import { expect, test } from "vitest";
import type { catalog } from "../contracts/mod.ts";
import { openPrices, placedOrder, priced } from "./priced.ts";

const products = new Map([
  ["MUG", 25_000],
  ["PIN", 1],
]);
const shelf = {
  find: ({ codes }: { readonly codes: readonly string[] }) => {
    const known = codes.flatMap((code) => ({ code, name: code, price: products.get(code) ?? -1 }));
    return Promise.resolve({ products: known.filter(({ price }) => price > 0) });
  },
} as unknown as Client<typeof catalog>;

test("items have the price of the catalogue, whole pence only, and the order costs what its lines cost", async () => {
  const alone = { shared: undefined, bus: undefined };
  await using prices = await openPrices(alone, { clock: manualClock(), random: seededRandom(1) });
  const item = (product: string, quantity: number): { product: string; quantity: number } => ({ product, quantity });
  const items = [
    item("mug", 2),
    item("POST", 1),
    item("PIN", 99),
    item("PIN", 200),
    item("NONE", 1),
    item("MUG", 3),
    item("mug", 1),
  ];
  const { lines, unknownItems } = await priced(prices, shelf, items);
  expect(unknownItems).toEqual([1, 2, 4]);
  expect(lines.map(({ code, quantity, totalMinor }) => [code, quantity, totalMinor])).toEqual([
    ["MUG", 2, 500],
    ["PIN", 200, 2],
    ["MUG", 3, 750],
    ["MUG", 1, 250],
  ]);
  const order = { customer: "ada", country: "France", payment: { method: "card" as const } };
  expect(placedOrder(order, lines, Date.UTC(2026, 0, 2, 3, 4, 5))).toMatchObject({
    totalMinor: 1_502,
    placedAt: "2026-01-02 03:04:05",
  });
});
