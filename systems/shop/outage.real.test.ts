import { expect, test } from "vitest";
import { systemClock } from "ashlar/clock";
import { audit } from "./audit/mod.ts";
import { goodOrder, openTestShop } from "./edge/edge.test-shop.ts";
import { payments } from "./contracts/mod.ts";
import { atRest } from "./rest.ts";

test("while the first payment provider answers nothing, the second takes the money, once an order", async () => {
  await using shop = await openTestShop({ faults: "outage" });
  const ids = await Promise.all(Array.from({ length: 40 }, (_, n) => shop.order({ customer: `c${n}` })));
  const ends = await Promise.all(ids.map((id) => shop.ended(id)));
  expect(new Set(ends.map(({ status }) => status))).toEqual(
    new Set(["confirmed", "rejected"]).difference(absent(ends)),
  );
  const sold = ends.filter(({ status }) => status === "confirmed");
  expect(sold.length).toBeGreaterThan(30);
  // Money goes back through whoever took it.
  const [{ id }] = sold;
  const items = { items: [{ product: "MUG-1", quantity: 1 }] };
  expect((await shop.call("POST", `/orders/${id}/returns`, { json: items })).status).toBe(202);
  // A repeat of what was done is a repeat at the same provider.
  const { totalMinor: amountMinor } = sold[0];
  const again = await shop.shop.client(payments).charge({ order: id, payer: "anyone", amountMinor, method: "card" });
  expect(again).toEqual({ status: "captured", method: "card" });
  await atRest(shop.shop, { clock: systemClock });
  const { invariants } = await audit(shop.shop, systemClock);
  expect(invariants.filter(({ ok }) => !ok)).toEqual([]);
  expect(goodOrder).toMatchObject({ payment: { method: "card" } });
}, 30_000);

function absent(ends: readonly { readonly status: string }[]): ReadonlySet<string> {
  return new Set(ends.some(({ status }) => status === "rejected") ? [] : ["rejected"]);
}
