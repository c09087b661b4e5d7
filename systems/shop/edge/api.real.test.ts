import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { systemClock } from "ashlar/clock";
import { inventory } from "../contracts/mod.ts";
import { audit } from "../audit/mod.ts";
import { atRest } from "../rest.ts";
import { goodOrder, openTestShop, type Answered, type TestShop } from "./edge.test-shop.ts";

// One shop for all: each test has its own customers and keys.
let shop: TestShop;
beforeAll(async () => void (shop = await openTestShop()));
afterAll(() => shop[Symbol.asyncDispose]());

const ended = (id: string): Promise<Answered["body"]> => shop.ended(id);
const rest = (): ReturnType<typeof atRest> => atRest(shop.shop, { clock: systemClock });

describe("products", () => {
  test("are listed by code, a page at a time, each once", async () => {
    const first = await shop.call("GET", "/products?limit=2");
    expect(first.body.items.map((product: { code: string }) => product.code)).toEqual(["BOWL-1", "MUG-1"]);
    const second = await shop.call("GET", `/products?limit=2&after=${first.body.next}`);
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
    await rest();
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
    // The first answer, whatever has happened since.
    expect((await shop.call("POST", "/orders", request)).body).toEqual(answers[0]?.body);
    expect((await shop.call("GET", "/orders?customer=repeater")).body.items).toHaveLength(1);
  });

  test("with a key that another order has are refused", async () => {
    const headers = { "idempotency-key": "key-2" };
    await shop.call("POST", "/orders", { json: goodOrder, headers });
    const other = { ...goodOrder, items: [{ product: "MUG-1", quantity: 2 }] };
    const { status, body } = await shop.call("POST", "/orders", { json: other, headers });
    expect([status, body.type]).toEqual([422, "/problems/key-reused"]);
  });

  test("of a customer are listed from the oldest on, a page at a time, whatever became of them", async () => {
    const placed: string[] = [];
    for (let count = 0; count < 5; count++) placed.push(await shop.order({ customer: "lister" }));
    const first = await shop.call("GET", "/orders?customer=lister&limit=3");
    const second = await shop.call("GET", `/orders?customer=lister&limit=3&after=${first.body.next}`);
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
    expect([status, body.type]).toEqual([409, "/problems/too-late"]);
  });
});

describe("returns", () => {
  const one = { items: [{ product: "mug-1", quantity: 1 }] };

  test("refund what was paid and put the goods back, once, also when asked again", async () => {
    // Another way to pay than that of the other orders, so that the audit sees where the money goes back to.
    const id = await shop.order({ customer: "returner", payment: { method: "paypal" } });
    await ended(id);
    const request = { json: one, headers: { "idempotency-key": "return-1" } };
    const first = await shop.call("POST", `/orders/${id}/returns`, request);
    expect(first.status).toBe(202);
    expect(first.headers.get("location")).toBe(`/returns/${first.body.id}`);
    const again = await shop.call("POST", `/orders/${id}/returns`, request);
    expect(again.body.id).toBe(first.body.id);
    await rest();
    const { body } = await shop.call("GET", `/returns/${first.body.id}`);
    expect(body).toMatchObject({ status: "closed", refundMinor: 250, orders: [id] });
    const more = await shop.call("POST", `/orders/${id}/returns`, { json: one });
    expect([more.status, more.body.type]).toEqual([409, "/problems/not-returnable"]);
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
  await rest();
  const rows = async (by: string): Promise<readonly { group: string }[]> =>
    (await shop.call("GET", `/sales?by=${by}`)).body.rows;
  expect(await rows("country")).toContainEqual({ group: "Iceland", orders: 1, units: 1, totalMinor: 250 });
  expect((await rows("product")).map((row) => row.group)).toContain("MUG-1");
  expect((await rows("day"))[0]?.group).toBe(new Date().toISOString().slice(0, 10));
  // On files there is no replica that could be behind, so there is no position.
  expect((await shop.call("GET", "/sales/status")).body).toEqual({ through: expect.any(Number), waiting: 0, dead: 0 });
  expect((await shop.call("GET", "/sales?by=day&after=16/B374D848")).status).toBe(200);
});

describe("live tracking", () => {
  interface Seen {
    readonly status: string;
  }

  async function track(id: string): Promise<{ readonly views: readonly Seen[]; readonly code: number }> {
    const socket = new WebSocket(`${shop.url.replace("http", "ws")}/orders/${id}/track`);
    const views: Seen[] = [];
    const { promise, resolve } = Promise.withResolvers<number>();
    socket.addEventListener("message", ({ data }) => views.push(JSON.parse(String(data)) as Seen));
    socket.addEventListener("close", ({ code }) => resolve(code));
    const code = await promise;
    return { views, code };
  }

  test("over WebSocket tells every stage of an order, and closes when it has ended", async () => {
    const id = await shop.order({ customer: "tracker" });
    const { views, code } = await track(id);
    expect(code).toBe(1_000);
    expect(views.at(-1)).toMatchObject({ id, status: "confirmed" });
    const stages = ["placed", "reserved", "charged", "shipped", "confirmed"];
    const told = views.map(({ status }) => stages.indexOf(status));
    expect(told).toEqual(told.toSorted((a, b) => a - b));
  });

  test("of an order that is not there is refused", async () => {
    expect(await track("none")).toMatchObject({ views: [], code: 1_008 });
  });

  test("over server-sent events tells the same", async () => {
    const id = await shop.order({ customer: "tracker" });
    const response = await fetch(`${shop.url}/orders/${id}/track`, { headers: { accept: "text/event-stream" } });
    const text = await response.text();
    expect(text).toContain('"status":"confirmed"');
    expect(text.trimEnd().endsWith("event: end\ndata: {}")).toBe(true);
  });
});

describe("carts", () => {
  const checkout = { country: "France", payment: { method: "card" } };

  test("keep what was picked, and are ordered once, whoever asks twice", async () => {
    await shop.call("PUT", "/carts/cora/items/MUG-1", { json: { quantity: 2 } });
    const { body } = await shop.call("PUT", "/carts/cora/items/bowl-1", { json: { quantity: 1 } });
    expect(body.items).toEqual([
      { product: "MUG-1", quantity: 2 },
      { product: "BOWL-1", quantity: 1 },
    ]);
    const request = { json: checkout, headers: { "idempotency-key": "cart-1" } };
    const answers = await Promise.all([1, 2, 3].map(() => shop.call("POST", "/carts/cora/checkout", request)));
    expect(new Set(answers.map(({ body: order }) => order.id)).size).toBe(1);
    expect(await ended(answers[0]?.body.id)).toMatchObject({ status: "confirmed", totalMinor: 750 });
    expect((await shop.call("GET", "/carts/cora")).body).toEqual({ customer: "cora", items: [] });
  });

  test("without anything in them are not ordered, and take only what there is", async () => {
    const empty = await shop.call("POST", "/carts/nobody/checkout", { json: checkout });
    expect([empty.status, empty.body.type]).toEqual([409, "/problems/empty"]);
    const unknown = await shop.call("PUT", "/carts/nobody/items/NONE", { json: { quantity: 1 } });
    expect([unknown.status, unknown.body.type]).toEqual([404, "/problems/no-such-product"]);
  });

  test("with that many of a product that they cost no whole pence are not ordered, and stay as they are", async () => {
    await shop.call("PUT", "/carts/penny/items/PLATE-1", { json: { quantity: 3 } });
    await shop.call("PUT", "/carts/penny/items/MUG-1", { json: { quantity: 1 } });
    const { status, body } = await shop.call("POST", "/carts/penny/checkout", { json: checkout });
    expect([status, body.type, body.data]).toEqual([422, "/problems/not-for-sale", { products: ["PLATE-1"] }]);
    expect((await shop.call("GET", "/carts/penny")).body.items).toHaveLength(2);
  });

  test("are ordered once by requests that pay in different ways at once", async () => {
    await shop.call("PUT", "/carts/dave/items/MUG-1", { json: { quantity: 1 } });
    const ways = ["card", "paypal", "crypto"].map((method) => ({ json: { ...checkout, payment: { method } } }));
    const answers = await Promise.all(ways.map((json) => shop.call("POST", "/carts/dave/checkout", json)));
    expect(answers.map(({ status }) => String(status)).toSorted()).toEqual(["202", "409", "409"]);
    expect((await shop.call("GET", "/orders?customer=dave")).body.items).toHaveLength(1);
  });

  test("give up a product that is set to none, and all of them when cleared", async () => {
    await shop.call("PUT", "/carts/carl/items/MUG-1", { json: { quantity: 2 } });
    await shop.call("PUT", "/carts/carl/items/BOWL-1", { json: { quantity: 2 } });
    const { body } = await shop.call("PUT", "/carts/carl/items/MUG-1", { json: { quantity: 0 } });
    expect(body.items).toEqual([{ product: "BOWL-1", quantity: 2 }]);
    expect((await shop.call("DELETE", "/carts/carl")).body.items).toEqual([]);
  });
});

describe("accounts", () => {
  const ada = { email: "Ada@example.org", name: "Ada", country: "England" };

  test("are found where they were made, and one address has one", async () => {
    const made = await shop.call("POST", "/accounts", { json: ada });
    expect(made.status).toBe(201);
    const { body } = await shop.call("GET", made.headers.get("location") ?? "");
    expect(body).toEqual({ id: made.body.id, ...ada, plan: "free" });
    const again = await shop.call("POST", "/accounts", { json: { ...ada, email: "ada@EXAMPLE.org" } });
    expect([again.status, again.body.type]).toEqual([409, "/problems/email-taken"]);
    expect((await shop.call("GET", "/accounts/none")).status).toBe(404);
  });
});

test("a parcel is where its order says", async () => {
  const order = await ended(await shop.order());
  const { body } = await shop.call("GET", `/orders/${order.id}/parcel`);
  expect(body).toEqual({ order: order.id, state: "sent", tracking: order.tracking });
});

test("health tells that orders are taken", async () => {
  const { status, body } = await shop.call("GET", "/health");
  // Up, or on a machine with much to do degraded.
  expect([status, body.state]).toEqual([200, "ready"]);
});

describe("limits", () => {
  test("are told with every answer, by the plan of the account", async () => {
    const json = { email: "prem@example.org", name: "Prem", country: "India", plan: "premium" };
    const { id } = (await shop.call("POST", "/accounts", { json })).body;
    const ask = (): ReturnType<TestShop["call"]> => shop.call("GET", "/products", { headers: { "x-account": id } });
    // The plan is looked up beside the first request.
    let policy = "";
    while (!policy.includes("premium")) policy = (await ask()).headers.get("ratelimit-policy") ?? "";
    expect(policy).toContain('"premium";q=200');
    expect((await ask()).headers.get("ratelimit")).toContain('"premium";r=');
  });

  test("refuse who asks too often, say when to come back, and let others pass", async () => {
    const headers = { "x-account": "hasty" };
    const answers = await Promise.all(Array.from({ length: 400 }, () => shop.call("GET", "/products", { headers })));
    const refused = answers.filter(({ status }) => status === 429);
    expect(refused.length).toBeGreaterThan(30);
    expect(Number(refused[0]?.headers.get("retry-after"))).toBeGreaterThan(0);
    expect((await shop.call("GET", "/products")).status).toBe(200);
  });
});

test("what arrives late at the inventory changes nothing", async () => {
  const stock = shop.shop.client(inventory);
  const goods = [{ code: "BOWL-1", quantity: 1 }];
  await stock.release({ order: "late" });
  expect(await stock.reserve({ order: "late", goods })).toEqual({ status: "out of stock" });
  const before = await stock.available({ codes: ["BOWL-1"] });
  await stock.reserve({ order: "twice", goods });
  await stock.reserve({ order: "twice", goods });
  await stock.release({ order: "twice" });
  await stock.release({ order: "twice" });
  expect(await stock.available({ codes: ["BOWL-1"] })).toEqual(before);
  await expect(stock.dispatch({ order: "twice" })).rejects.toMatchObject({ failure: "notReserved" });
});

test("after all of it every invariant of the shop holds", async () => {
  await rest();
  const { invariants } = await audit(shop.shop, systemClock);
  expect(invariants.filter(({ ok }) => !ok)).toEqual([]);
});
