import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { goodOrder, openTestShop, type CallOptions, type TestShop } from "./api.test-shop.ts";

let shop: TestShop;
beforeAll(async () => void (shop = await openTestShop()));
afterAll(() => shop[Symbol.asyncDispose]());

const item = { product: "MUG-1", quantity: 1 };
const withItem = (one: object): CallOptions => ({ json: { ...goodOrder, items: [{ ...item, ...one }] } });
const typed = (type: string): CallOptions => ({ json: goodOrder, headers: { "content-type": type } });
const kept = (idempotencyKey: string): CallOptions => ({
  json: goodOrder,
  headers: { "idempotency-key": idempotencyKey },
});

type Bad = [
  what: string,
  method: string,
  path: string,
  options: CallOptions,
  status: number,
  problem: string,
  place?: string,
];

const bad: Bad[] = [
  ["an unknown path", "GET", "/nothing", {}, 404, "no-such-route"],
  ["a slash at the end", "GET", "/orders/", {}, 404, "no-such-route"],
  ["a path outside", "GET", "/../../etc/passwd", {}, 404, "no-such-route"],
  ["another method", "DELETE", "/orders/1", {}, 405, "method-not-allowed"],
  ["another method of a list", "PUT", "/products", {}, 405, "method-not-allowed"],
  ["a product that is not there", "GET", "/products/NONE", {}, 404, "no-such-resource"],
  ["a code that no product can have", "GET", "/products/%00", {}, 404, "no-such-resource"],
  ["a broken percent code", "GET", "/products/%E0%A4%A", {}, 404, "no-such-resource"],
  ["postage as a product", "GET", "/products/POST", {}, 404, "no-such-resource"],
  ["an order that is not there", "GET", "/orders/none", {}, 404, "no-such-resource"],
  ["an id that no order can have", "GET", "/orders/%27%20or%201=1", {}, 404, "no-such-resource"],
  ["an id of excessive length", "GET", `/orders/${"1".repeat(1_000)}`, {}, 404, "no-such-resource"],
  ["a return that is not there", "GET", "/returns/none", {}, 404, "no-such-resource"],
  ["cancelling an order that is not there", "POST", "/orders/none/cancel", {}, 404, "no-such-resource"],
  [
    "returning to an order that is not there",
    "POST",
    "/orders/none/returns",
    { json: { items: [item] } },
    404,
    "no-such-resource",
  ],
  ["an unknown parameter", "GET", "/products?colour=blue", {}, 400, "invalid-parameters", "colour"],
  ["a parameter where none is taken", "GET", "/health?verbose", {}, 400, "invalid-parameters", "verbose"],
  ["a parameter given twice", "GET", "/products?limit=1&limit=2", {}, 400, "invalid-parameters", "limit"],
  ["a limit that is no number", "GET", "/products?limit=ten", {}, 400, "invalid-parameters", "limit"],
  ["a limit in hexadecimal", "GET", "/products?limit=0x10", {}, 400, "invalid-parameters", "limit"],
  ["an empty limit", "GET", "/products?limit=", {}, 400, "invalid-parameters", "limit"],
  ["a limit of nothing", "GET", "/products?limit=0", {}, 400, "invalid-parameters", "limit"],
  ["a limit beyond the largest", "GET", "/products?limit=101", {}, 400, "invalid-parameters", "limit"],
  ["a negative wait", "GET", "/orders/none?waitSeconds=-1", {}, 400, "invalid-parameters", "waitSeconds"],
  ["orders of nobody", "GET", "/orders", {}, 400, "invalid-parameters", "customer"],
  ["orders by a wildcard", "GET", "/orders?customer=%25", {}, 400, "invalid-parameters", "customer"],
  ["sales by nothing", "GET", "/sales", {}, 400, "invalid-parameters", "by"],
  ["sales by weather", "GET", "/sales?by=weather", {}, 400, "invalid-parameters", "by"],
  ["an idempotency key with a space", "POST", "/orders", kept("a b"), 400, "invalid-parameters", "Idempotency-Key"],
  [
    "an idempotency key of excessive length",
    "POST",
    "/orders",
    kept("k".repeat(201)),
    400,
    "invalid-parameters",
    "Idempotency-Key",
  ],
  ["no body", "POST", "/orders", { headers: { "content-type": "application/json" } }, 400, "invalid-json"],
  ["an empty body", "POST", "/orders", { json: "" }, 400, "invalid-json"],
  ["half a JSON", "POST", "/orders", { json: '{"customer":' }, 400, "invalid-json"],
  ["JSON with a comment", "POST", "/orders", { json: "{} // all" }, 400, "invalid-json"],
  ["a body where none is taken", "POST", "/orders/none/cancel", { json: {} }, 400, "unexpected-body"],
  ["no content type", "POST", "/orders", typed(""), 415, "unsupported-media-type"],
  ["a form", "POST", "/orders", typed("application/x-www-form-urlencoded"), 415, "unsupported-media-type"],
  ["another charset", "POST", "/orders", typed("application/json; charset=latin1"), 415, "unsupported-media-type"],
  [
    "a compressed body",
    "POST",
    "/orders",
    { json: goodOrder, headers: { "content-encoding": "gzip" } },
    415,
    "unsupported-media-type",
  ],
  ["a body of 64 KiB and one", "POST", "/orders", { json: "x".repeat(65_537) }, 413, "body-too-large"],
  [
    "an announced length of a gigabyte",
    "POST",
    "/orders",
    { json: "{}", headers: { "content-length": "1073741824" } },
    413,
    "body-too-large",
  ],
  ["null", "POST", "/orders", { json: "null" }, 422, "invalid-body", "#"],
  ["an array", "POST", "/orders", { json: [] }, 422, "invalid-body", "#"],
  [
    "a body of brackets",
    "POST",
    "/orders",
    { json: "[".repeat(30_000) + "]".repeat(30_000) },
    422,
    "invalid-body",
    "#",
  ],
  ["an unknown field", "POST", "/orders", { json: { ...goodOrder, discount: 100 } }, 422, "invalid-body", "#/discount"],
  ["an unknown field inside", "POST", "/orders", withItem({ price: 0 }), 422, "invalid-body", "#/items/0/price"],
  [
    "a prototype",
    "POST",
    "/orders",
    { json: JSON.stringify(goodOrder).replace("{", '{"__proto__":{"a":1},') },
    422,
    "invalid-body",
    "#/__proto__",
  ],
  [
    "a field with slashes",
    "POST",
    "/orders",
    { json: { ...goodOrder, "a/b~c d": 1 } },
    422,
    "invalid-body",
    "#/a~1b~0c%20d",
  ],
  [
    "a missing field",
    "POST",
    "/orders",
    { json: { ...goodOrder, country: undefined } },
    422,
    "invalid-body",
    "#/country",
  ],
  ["a quantity in words", "POST", "/orders", withItem({ quantity: "one" }), 422, "invalid-body", "#/items/0/quantity"],
  ["half a mug", "POST", "/orders", withItem({ quantity: 0.5 }), 422, "invalid-body", "#/items/0/quantity"],
  ["no mug", "POST", "/orders", withItem({ quantity: 0 }), 422, "invalid-body", "#/items/0/quantity"],
  ["less than no mug", "POST", "/orders", withItem({ quantity: -1 }), 422, "invalid-body", "#/items/0/quantity"],
  ["more mugs than clay", "POST", "/orders", withItem({ quantity: 1e300 }), 422, "invalid-body", "#/items/0/quantity"],
  ["no items", "POST", "/orders", { json: { ...goodOrder, items: [] } }, 422, "invalid-body", "#/items"],
  [
    "too many items",
    "POST",
    "/orders",
    { json: { ...goodOrder, items: Array.from({ length: 101 }, () => item) } },
    422,
    "invalid-body",
    "#/items",
  ],
  [
    "a product that is not there",
    "POST",
    "/orders",
    withItem({ product: "NONE" }),
    422,
    "invalid-body",
    "#/items/0/product",
  ],
  ["postage without goods", "POST", "/orders", withItem({ product: "POST" }), 422, "invalid-body", "#/items/0/product"],
  [
    "an amount that is no whole penny",
    "POST",
    "/orders",
    withItem({ product: "PLATE-1", quantity: 3 }),
    422,
    "invalid-body",
    "#/items/0/product",
  ],
  [
    "payment in shells",
    "POST",
    "/orders",
    { json: { ...goodOrder, payment: { method: "shells" } } },
    422,
    "invalid-body",
    "#/payment/method",
  ],
  [
    "a nameless customer",
    "POST",
    "/orders",
    { json: { ...goodOrder, customer: "" } },
    422,
    "invalid-body",
    "#/customer",
  ],
  [
    "a customer with a slash",
    "POST",
    "/orders",
    { json: { ...goodOrder, customer: "a/b" } },
    422,
    "invalid-body",
    "#/customer",
  ],
  [
    "half a character",
    "POST",
    "/orders",
    { json: JSON.stringify({ ...goodOrder, country: "X" }).replace("X", "\\ud800") },
    422,
    "invalid-body",
    "#/country",
  ],
  [
    "a zero character",
    "POST",
    "/orders",
    { json: { ...goodOrder, country: "a\u0000b" } },
    422,
    "invalid-body",
    "#/country",
  ],
];

describe("a bad request is refused with its problem and logged without what it says", () => {
  test.each(bad)("%s: %s %s", async (_what, method, path, options, status, problem, place) => {
    const before = shop.log.length;
    const answer = await shop.call(method, path, options);
    expect([answer.status, answer.body.type]).toEqual([status, `/problems/${problem}`]);
    expect(answer.headers.get("content-type")).toBe("application/problem+json");
    expect(answer.body).toMatchObject({ status, title: expect.any(String), detail: expect.any(String) });
    expect(answer.body.requestId).toBe(answer.headers.get("x-request-id"));
    if (place !== undefined)
      expect(answer.body.errors.map((error: object) => Object.values(error)[0])).toContain(place);
    expect(shop.log.slice(before)).toEqual([expect.objectContaining({ status, method, level: "warn" })]);
    expect(shop.log.at(-1)?.reason).toBe([problem, ...(place === undefined ? [] : [place])].join(" "));
  });

  test("a body that is not UTF-8", async () => {
    const headers = { "content-type": "application/json" };
    const body = new Uint8Array([0x22, 0xff, 0x22]);
    const response = await shop.api.fetch(new Request("http://shop.test/orders", { method: "POST", headers, body }));
    expect(response.status).toBe(400);
  });

  test("an endless body is left after 64 KiB", async () => {
    let parts = 0;
    const body = new ReadableStream({ pull: (to) => to.enqueue(new Uint8Array(1_024).fill((parts++, 32))) });
    const headers = { "content-type": "application/json" };
    const init = { method: "POST", headers, body, duplex: "half" } as RequestInit;
    const response = await shop.api.fetch(new Request("http://shop.test/orders", init));
    expect([response.status, response.headers.get("connection")]).toEqual([413, "close"]);
    expect(parts).toBeLessThan(80);
  });

  test("a wrong method is told the right ones", async () => {
    expect((await shop.call("DELETE", "/orders")).headers.get("allow")).toBe("GET, HEAD, POST");
    expect((await shop.call("GET", "/orders/1/cancel")).headers.get("allow")).toBe("POST");
  });

  test("many errors are told at most twenty at a time", async () => {
    const fields = Object.fromEntries(Array.from({ length: 500 }, (_, index) => [`field${index}`, 1]));
    expect((await shop.call("POST", "/orders", { json: { ...goodOrder, ...fields } })).body.errors).toHaveLength(20);
  });
});

test("the request id of the client is kept when it is harmless", async () => {
  const ask = async (id: string): Promise<string | null> =>
    (await shop.call("GET", "/health", { headers: { "x-request-id": id } })).headers.get("x-request-id");
  expect(await ask("trace-1.2")).toBe("trace-1.2");
  expect(await ask("a b")).not.toBe("a b");
  expect(await ask("x".repeat(65))).toHaveLength(36);
});

test("HEAD is answered like GET, without the body", async () => {
  const { status, text } = await shop.call("HEAD", "/products/MUG-1");
  expect([status, text]).toEqual([200, ""]);
});

test("every problem is explained where its type points", async () => {
  const { body } = await shop.call("GET", "/nothing");
  expect((await shop.call("GET", body.type)).body).toMatchObject({
    type: body.type,
    status: 404,
    advice: expect.any(String),
  });
});

test("a shop that starts or stops takes nothing, says when to come back, and tells its health", async () => {
  await using other = await openTestShop();
  for (const state of ["starting", "stopping"] as const) {
    other.state = state;
    const refused = await other.call("POST", "/orders", { json: goodOrder });
    expect([refused.status, refused.body.type, refused.headers.get("retry-after")]).toEqual([
      503,
      "/problems/not-ready",
      "1",
    ]);
    const health = await other.call("GET", "/health");
    expect([health.status, health.body.live, health.body.ready]).toEqual([503, true, false]);
  }
});

test("a full shop says when to come back", async () => {
  await using full = await openTestShop({ storefront: { placeOrder: async () => ({ kind: "overloaded" }) } });
  const { status, body, headers } = await full.call("POST", "/orders", { json: goodOrder });
  expect([status, body.type, headers.get("retry-after")]).toEqual([503, "/problems/overloaded", "1"]);
});

test("a fault of ours is logged with its cause and answered without it", async () => {
  const secret = new Error("select * from secrets", { cause: new Error("disk 7") });
  await using broken = await openTestShop({ storefront: { sales: () => Promise.reject(secret) } });
  const { status, text } = await broken.call("GET", "/sales?by=day");
  expect(status).toBe(500);
  expect(text).not.toContain("secret");
  expect(broken.log.at(-1)).toMatchObject({ level: "error", fault: "Error: select * from secrets < Error: disk 7" });
});

const naughty = naughtyStrings();

// Skipped without the data that ASHLAR_DATA points to.
describe.skipIf(naughty === undefined)("a naughty string comes back as it was, or is refused with a reason", () => {
  const each = (check: (text: string) => Promise<void>): Promise<unknown> => Promise.all((naughty ?? []).map(check));

  test("as a customer", () =>
    each(async (customer) => {
      const { status, body } = await shop.call("POST", "/orders", { json: { ...goodOrder, customer } });
      if (status === 202) expect(body.customer).toBe(customer);
      else expect([status, body.type]).toEqual([422, "/problems/invalid-body"]);
    }));

  test("as a country", () =>
    each(async (country) => {
      const { status, body } = await shop.call("POST", "/orders", { json: { ...goodOrder, country } });
      if (status === 202) expect(body.country).toBe(country);
      else expect(status).toBe(422);
    }));

  test("as a field and as a header", () =>
    each(async (text) => {
      expect((await shop.call("POST", "/orders", { json: { ...goodOrder, [text]: text } })).status).toBe(422);
      const key = Buffer.from(text)
        .toString("latin1")
        .replaceAll(/[\0\r\n]/g, "");
      expect((await shop.call("POST", "/orders/none/returns", kept(key))).status).toBeLessThan(500);
    }));

  test("in a path and in a query", () =>
    each(async (text) => {
      const encoded = encodeURIComponent(text.toWellFormed());
      const answers = await Promise.all([
        shop.call("GET", `/products?search=${encoded}`),
        shop.call("GET", `/orders?customer=${encoded}`),
        shop.call("GET", `/orders/${encoded}`),
        shop.call("GET", `/products/${encoded}`),
        shop.call("GET", `/problems/${encoded}`),
      ]);
      for (const { status } of answers) expect([200, 400, 404]).toContain(status);
    }));
});

function naughtyStrings(): readonly string[] | undefined {
  const data = process.env["ASHLAR_DATA"] ?? join(import.meta.dirname, "../../../../shared/data");
  const file = join(data, "strings-naughty/blns-1.json");
  return existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")) as readonly string[]) : undefined;
}
