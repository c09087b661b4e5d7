import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { audit } from "../audit/mod.ts";
import { goodOrder, openTestShop, type TestShop } from "./api.test-shop.ts";

// One shop for all: each test has its own customers and keys.
let shop: TestShop;
beforeAll(async () => void (shop = await openTestShop()));
afterAll(() => shop[Symbol.asyncDispose]());

async function ended(id: string): Promise<{ readonly status: string; readonly [name: string]: unknown }> {
  const { body } = await shop.call("GET", `/orders/${id}?waitSeconds=10`);
  return body;
}

describe("products", () => {
  test("are listed by code, a page at a time, each once", async () => {
    const first = await shop.call("GET", "/products?limit=2");
    expect(first.body.items.map((product: { code: string }) => product.code)).toEqual(["BOWL-1", "MUG-1"]);
    const second = await shop.call("GET", first.body.next);
    expect(second.body).toEqual({ items: [{ code: "PLATE-1", name: "Plate", price: "0.125" }] });
  });

  test("are found by a part of name or code in any letter case", async () => {
    const { body } = await shop.call("GET", "/products?search=BLUE%20b");
    expect(body.items).toEqual([{ code: "BOWL-1", name: "Blue bowl", price: "2.50" }]);
    expect((await shop.call("GET", "/products?search=plate-")).body.items).toHaveLength(1);
  });

  test("show price, what is available and what is bought with them", async () => {
    const items = [
      { product: "bowl-1", quantity: 2 },
      { product: "PLATE-1", quantity: 8 },
    ];
    await ended(await shop.order({ customer: "companion", items }));
    await shop.shop.analytics.caughtUp();
    const { body } = await shop.call("GET", "/products/plate-1");
    expect(body).toEqual({
      code: "PLATE-1",
      name: "Plate",
      price: "0.125",
      available: 92,
      boughtTogether: [{ code: "BOWL-1", name: "Blue bowl", orders: 1 }],
    });
  });
});

describe("orders", () => {
  test("are accepted with a location, and confirmed behind it", async () => {
    const { status, headers, body } = await shop.call("POST", "/orders", { json: goodOrder });
    expect(status).toBe(202);
    expect(headers.get("location")).toBe(`/orders/${body.id}`);
    expect(body).toMatchObject({ customer: "anna", country: "France", totalMinor: 250, currency: "GBP" });
    const order = await ended(body.id);
    expect(order).toMatchObject({ status: "confirmed", lines: [{ product: "MUG-1", quantity: 1, totalMinor: 250 }] });
    expect((order["history"] as { event: string }[]).map(({ event }) => event)).toEqual([
      "placed",
      "stock reserved",
      "charged 2.50 by card",
      expect.stringMatching(/^parcel sent, tracking parcel-\d+$/),
      "confirmed",
    ]);
  });

  test("placed again with the same key are the same order, also many at once", async () => {
    const request = { json: { ...goodOrder, customer: "repeater" }, headers: { "idempotency-key": "key-1" } };
    const answers = await Promise.all(Array.from({ length: 20 }, () => shop.call("POST", "/orders", request)));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([202]));
    expect(new Set(answers.map(({ body }) => body.id)).size).toBe(1);
    await ended(answers[0]?.body.id);
    expect((await shop.call("POST", "/orders", request)).body).toMatchObject({ status: "confirmed" });
    expect((await shop.call("GET", "/orders?customer=repeater")).body.items).toHaveLength(1);
  });

  test("with a key that another order has are refused", async () => {
    const headers = { "idempotency-key": "key-2" };
    await shop.call("POST", "/orders", { json: goodOrder, headers });
    const other = { ...goodOrder, items: [{ product: "MUG-1", quantity: 2 }] };
    const { status, body } = await shop.call("POST", "/orders", { json: other, headers });
    expect([status, body.type]).toEqual([422, "/problems/idempotency-key-reused"]);
  });

  test("of a customer are listed from the oldest on, a page at a time, whatever became of them", async () => {
    const placed: string[] = [];
    for (let count = 0; count < 5; count++) placed.push(await shop.order({ customer: "lister" }));
    const first = await shop.call("GET", "/orders?customer=lister&limit=3");
    const second = await shop.call("GET", first.body.next);
    const ids = [...first.body.items, ...second.body.items].map((order: { id: string }) => order.id);
    expect(ids.toSorted()).toEqual(placed.toSorted());
    expect(second.body.next).toBeUndefined();
    expect((await shop.call("GET", "/orders?customer=lis")).body.items).toEqual([]);
  });

  test("for more than is in stock are rejected", async () => {
    const order = await ended(await shop.order({ items: [{ product: "MUG-1", quantity: 101 }] }));
    expect(order).toMatchObject({ status: "rejected", reason: "out-of-stock" });
  });

  test("that are cancelled in time are rejected or confirmed, never both, and leave nothing behind", async () => {
    const ids = await Promise.all(Array.from({ length: 12 }, () => shop.order({ customer: "fickle" })));
    const answers = await Promise.all(ids.map((id) => shop.call("POST", `/orders/${id}/cancel`)));
    const ends = await Promise.all(ids.map(ended));
    for (const [index, { status, reason }] of ends.entries()) {
      const isCancelled = answers[index]?.status === 202;
      expect([status, reason]).toEqual(isCancelled ? ["rejected", "cancelled"] : ["confirmed", undefined]);
    }
    expect(answers.some(({ status }) => status === 202)).toBe(true);
  });

  test("that have ended are not cancelled", async () => {
    const id = await shop.order();
    await ended(id);
    const { status, body } = await shop.call("POST", `/orders/${id}/cancel`);
    expect([status, body.type]).toEqual([409, "/problems/order-not-cancellable"]);
  });
});

describe("returns", () => {
  const one = { items: [{ product: "mug-1", quantity: 1 }] };

  test("refund what was paid and put the goods back, once, also when asked again", async () => {
    const id = await shop.order({ customer: "returner", payment: { method: "crypto" } });
    await ended(id);
    const request = { json: one, headers: { "idempotency-key": "return-1" } };
    const first = await shop.call("POST", `/orders/${id}/returns`, request);
    expect(first.status).toBe(202);
    expect(first.headers.get("location")).toBe(`/returns/${first.body.id}`);
    const again = await shop.call("POST", `/orders/${id}/returns`, request);
    expect(again.body.id).toBe(first.body.id);
    await shop.shop.returns.ended(first.body.id);
    const { body } = await shop.call("GET", `/returns/${first.body.id}`);
    expect(body).toMatchObject({ status: "closed", refundMinor: 250, orders: [id] });
    const more = await shop.call("POST", `/orders/${id}/returns`, { json: one });
    expect([more.status, more.body.type]).toEqual([409, "/problems/order-not-returnable"]);
  });

  test("of more than was bought, or of an order that was not confirmed, are refused whole", async () => {
    const bought = await shop.order({ customer: "returner" });
    const rejected = await shop.order({ items: [{ product: "MUG-1", quantity: 101 }] });
    await Promise.all([ended(bought), ended(rejected)]);
    const three = { items: [{ product: "MUG-1", quantity: 3 }] };
    expect((await shop.call("POST", `/orders/${bought}/returns`, { json: three })).status).toBe(409);
    expect((await shop.call("POST", `/orders/${rejected}/returns`, { json: one })).status).toBe(409);
  });
});

test("sales are told by day, country and product", async () => {
  await ended(await shop.order({ country: "Iceland" }));
  await shop.shop.analytics.caughtUp();
  const rows = async (by: string): Promise<readonly { group: string }[]> =>
    (await shop.call("GET", `/sales?by=${by}`)).body.rows;
  expect(await rows("country")).toContainEqual({ group: "Iceland", orders: 1, units: 1, totalMinor: 250 });
  expect((await rows("product")).map((row) => row.group)).toContain("MUG-1");
  expect((await rows("day"))[0]?.group).toBe(new Date(shop.shop.engine.clock.now()).toISOString().slice(0, 10));
});

test("health tells a shop that takes orders from one that does not, and what is in flight", async () => {
  const { status, body } = await shop.call("GET", "/health");
  expect(status).toBe(200);
  expect(body).toMatchObject({ live: true, ready: true, state: "ready", details: { notificationsDead: 0 } });
});

test("after all of it every invariant of the shop holds", async () => {
  for await (const run of shop.shop.openRuns()) await run.ended();
  const { clock } = shop.shop.engine;
  while ((await shop.shop.notifications.status()).depth > 0) await clock.sleep(1);
  await shop.shop.analytics.caughtUp();
  const { invariants } = await audit(shop.shop);
  expect(invariants.filter(({ ok }) => !ok)).toEqual([]);
});
