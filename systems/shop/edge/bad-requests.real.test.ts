import { existsSync, readFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { goodOrder, openTestShop, type CallOptions, type TestShop } from "./edge.test-shop.ts";

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
  ["an unknown path", "GET", "/nothing", {}, 404, "not-found"],
  ["a slash at the end", "GET", "/orders/", {}, 404, "not-found"],
  ["a path outside", "GET", "/../../etc/passwd", {}, 404, "not-found"],
  ["another method", "DELETE", "/orders/1", {}, 405, "method"],
  ["another method of a list", "PUT", "/products", {}, 405, "method"],
  ["a product that is not there", "GET", "/products/NONE", {}, 404, "no-such-product"],
  ["a code that no product can have", "GET", "/products/%00", {}, 422, "invalid-input", "path: code"],
  ["a broken percent code", "GET", "/products/%E0%A4%A", {}, 404, "not-found"],
  ["postage as a product", "GET", "/products/POST", {}, 404, "no-such-product"],
  ["an order that is not there", "GET", "/orders/none", {}, 404, "no-such-order"],
  ["an id that no order can have", "GET", "/orders/%27%20or%201=1", {}, 422, "invalid-input", "path: id"],
  ["an id of excessive length", "GET", `/orders/${"1".repeat(500)}`, {}, 422, "invalid-input", "path: id"],
  ["a return that is not there", "GET", "/returns/none", {}, 404, "no-such-return"],
  ["cancelling an order that is not there", "POST", "/orders/none/cancel", {}, 404, "no-such-order"],
  [
    "returning to an order that is not there",
    "POST",
    "/orders/none/returns",
    { json: { items: [item] } },
    404,
    "no-such-order",
  ],
  ["an unknown parameter", "GET", "/products?colour=blue", {}, 422, "invalid-input", "query: "],
  ["a parameter given twice", "GET", "/products?limit=1&limit=2", {}, 400, "field-twice"],
  ["a limit that is no number", "GET", "/products?limit=ten", {}, 422, "invalid-input", "query: limit"],
  ["a limit in hexadecimal", "GET", "/products?limit=0x10", {}, 422, "invalid-input", "query: limit"],
  ["an empty limit", "GET", "/products?limit=", {}, 422, "invalid-input", "query: limit"],
  ["a limit of nothing", "GET", "/products?limit=0", {}, 422, "invalid-input", "query: limit"],
  ["a limit beyond the largest", "GET", "/products?limit=101", {}, 422, "invalid-input", "query: limit"],
  ["a negative wait", "GET", "/orders/none?waitSeconds=-1", {}, 422, "invalid-input", "query: waitSeconds"],
  ["orders of nobody", "GET", "/orders", {}, 422, "invalid-input", "query: customer"],
  ["orders by a wildcard", "GET", "/orders?customer=%25", {}, 422, "invalid-input", "query: customer"],
  ["sales by nothing", "GET", "/sales", {}, 422, "invalid-input", "query: by"],
  ["sales after noon", "GET", "/sales?by=day&after=noon", {}, 422, "invalid-input", "query: after"],
  ["sales by weather", "GET", "/sales?by=weather", {}, 422, "invalid-input", "query: by"],
  ["an idempotency key with a space", "POST", "/orders", kept("a b"), 400, "invalid-key"],
  ["an idempotency key of excessive length", "POST", "/orders", kept("k".repeat(256)), 400, "invalid-key"],
  [
    "no body",
    "POST",
    "/orders",
    { headers: { "content-type": "application/json" } },
    422,
    "invalid-input",
    "#/customer",
  ],
  ["an empty body", "POST", "/orders", { json: "" }, 422, "invalid-input", "#/customer"],
  ["half a JSON", "POST", "/orders", { json: '{"customer":' }, 400, "invalid-json"],
  ["JSON with a comment", "POST", "/orders", { json: "{} // all" }, 400, "invalid-json"],
  ["a field where none is taken", "POST", "/orders/none/cancel", { json: { now: true } }, 422, "invalid-input", "#"],
  ["no content type", "POST", "/orders", typed(""), 415, "media-type"],
  ["a form", "POST", "/orders", typed("application/x-www-form-urlencoded"), 415, "media-type"],
  ["another charset", "POST", "/orders", typed("application/json; charset=latin1"), 415, "media-type"],
  [
    "a compressed body",
    "POST",
    "/orders",
    { json: goodOrder, headers: { "content-encoding": "gzip" } },
    415,
    "media-type",
  ],
  ["a body of 64 KiB and one", "POST", "/orders", { json: "x".repeat(65_537) }, 413, "too-large"],
  ["null", "POST", "/orders", { json: "null" }, 400, "invalid-json"],
  ["an array", "POST", "/orders", { json: [] }, 400, "invalid-json"],
  ["a body of brackets", "POST", "/orders", { json: "[".repeat(30_000) + "]".repeat(30_000) }, 400, "invalid-json"],
  ["an unknown field", "POST", "/orders", { json: { ...goodOrder, discount: 100 } }, 422, "invalid-input", "#"],
  ["an unknown field inside", "POST", "/orders", withItem({ price: 0 }), 422, "invalid-input", "#/items/0"],
  [
    "a prototype",
    "POST",
    "/orders",
    { json: JSON.stringify(goodOrder).replace("{", '{"__proto__":{"a":1},') },
    422,
    "invalid-input",
    "#",
  ],
  ["a field with slashes", "POST", "/orders", { json: { ...goodOrder, "a/b~c d": 1 } }, 422, "invalid-input", "#"],
  [
    "a missing field",
    "POST",
    "/orders",
    { json: { ...goodOrder, country: undefined } },
    422,
    "invalid-input",
    "#/country",
  ],
  ["a quantity in words", "POST", "/orders", withItem({ quantity: "one" }), 422, "invalid-input", "#/items/0/quantity"],
  ["half a mug", "POST", "/orders", withItem({ quantity: 0.5 }), 422, "invalid-input", "#/items/0/quantity"],
  ["no mug", "POST", "/orders", withItem({ quantity: 0 }), 422, "invalid-input", "#/items/0/quantity"],
  ["less than no mug", "POST", "/orders", withItem({ quantity: -1 }), 422, "invalid-input", "#/items/0/quantity"],
  ["more mugs than clay", "POST", "/orders", withItem({ quantity: 1e300 }), 422, "invalid-input", "#/items/0/quantity"],
  ["no items", "POST", "/orders", { json: { ...goodOrder, items: [] } }, 422, "invalid-input", "#/items"],
  [
    "too many items",
    "POST",
    "/orders",
    { json: { ...goodOrder, items: Array.from({ length: 101 }, () => item) } },
    422,
    "invalid-input",
    "#/items",
  ],
  ["a product that is not there", "POST", "/orders", withItem({ product: "NONE" }), 422, "unknown-products"],
  ["postage without goods", "POST", "/orders", withItem({ product: "POST" }), 422, "unknown-products"],
  [
    "an amount that is no whole penny",
    "POST",
    "/orders",
    withItem({ product: "PLATE-1", quantity: 3 }),
    422,
    "unknown-products",
  ],
  [
    "payment in shells",
    "POST",
    "/orders",
    { json: { ...goodOrder, payment: { method: "shells" } } },
    422,
    "invalid-input",
    "#/payment/method",
  ],
  [
    "a nameless customer",
    "POST",
    "/orders",
    { json: { ...goodOrder, customer: "" } },
    422,
    "invalid-input",
    "#/customer",
  ],
  [
    "a customer with a slash",
    "POST",
    "/orders",
    { json: { ...goodOrder, customer: "a/b" } },
    422,
    "invalid-input",
    "#/customer",
  ],
  [
    "half a character",
    "POST",
    "/orders",
    { json: JSON.stringify({ ...goodOrder, country: "X" }).replace("X", "\\ud800") },
    422,
    "invalid-input",
    "#/country",
  ],
  [
    "a zero character",
    "POST",
    "/orders",
    { json: { ...goodOrder, country: "a\u0000b" } },
    422,
    "invalid-input",
    "#/country",
  ],
];

describe("a bad request is refused with its problem and logged without what it says", () => {
  test.each(bad)("%s: %s %s", async (_what, method, path, options, status, problem, place) => {
    const before = shop.log.length;
    const answer = await shop.call(method, path, options);
    expect([answer.status, answer.body.type]).toEqual([status, `/problems/${problem}`]);
    expect(answer.headers.get("content-type")).toBe("application/problem+json; charset=utf-8");
    expect(answer.body).toMatchObject({ status, title: expect.any(String) });
    const pointers = (answer.body.errors ?? []).map((error: { readonly pointer: string }) => error.pointer);
    if (place !== undefined) expect(pointers).toContain(place);
    const requestId = answer.headers.get("x-request-id");
    const line = expect.objectContaining({ status, method, level: "warn", requestId });
    expect(shop.log.slice(before)).toEqual([line]);
  });

  test("many errors are told at most twenty at a time", async () => {
    const items = Array.from({ length: 100 }, () => ({ ...item, quantity: 0 }));
    const { body } = await shop.call("POST", "/orders", { json: { ...goodOrder, items } });
    expect(body.errors).toHaveLength(20);
  });

  test("a wrong method is told the right ones", async () => {
    expect((await shop.call("DELETE", "/orders")).headers.get("allow")).toBe("GET, POST, HEAD, OPTIONS");
  });
});

/** Sends bytes as they are and gives all that comes back until the other side closes. */
function raw(...parts: readonly string[]): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  let answer = "";
  const socket = connect({ port: Number(new URL(shop.url).port), host: "127.0.0.1" });
  socket.setEncoding("utf8");
  socket.on("data", (text: string) => (answer += text));
  socket.on("error", () => resolve(answer));
  socket.on("close", () => resolve(answer));
  for (const part of parts) socket.write(part);
  return promise;
}

test("an endless body without a length is cut off behind 64 KiB", async () => {
  const head =
    "POST /orders HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n";
  const chunk = `4000\r\n${" ".repeat(0x4000)}\r\n`;
  const answer = await raw(head, ...Array.from({ length: 64 }, () => chunk));
  expect(answer).toMatch(/^HTTP\/1\.1 413 /);
  expect(answer).toContain("/problems/too-large");
  expect((await shop.call("GET", "/health")).status).toBe(200);
});

test("what is not HTTP is answered with a problem and logged", async () => {
  const before = shop.log.length;
  expect(await raw("hello\r\n\r\n")).toMatch(/^HTTP\/1\.1 400 .*application\/problem\+json.*\/problems\/bad-http/s);
  expect(await raw(`GET / HTTP/1.1\r\nhost: x\r\nx: ${"y".repeat(20_000)}\r\n\r\n`)).toMatch(/^HTTP\/1\.1 431 /);
  expect(shop.log.slice(before).map(({ status }) => status)).toEqual([400, 431]);
});

test("the request id of the client is kept when it is harmless", async () => {
  const ask = async (id: string): Promise<string | null> =>
    (await shop.call("GET", "/health", { headers: { "x-request-id": id } })).headers.get("x-request-id");
  expect(await ask("trace-1.2")).toBe("trace-1.2");
  expect(await ask("a b")).not.toBe("a b");
  expect(await ask("x".repeat(129))).toHaveLength(36);
});

test("HEAD is answered like GET, without the body", async () => {
  const { status, text } = await shop.call("HEAD", "/products/MUG-1");
  expect([status, text]).toEqual([200, ""]);
});

const naughty = naughtyStrings();

// Skipped without the data that ASHLAR_DATA points to.
describe.skipIf(naughty === undefined)("a naughty string comes back as it was, or is refused with a reason", () => {
  // Fifty at a time: a server takes a thousand connections and closes what comes beyond.
  const each = async (check: (text: string) => Promise<void>): Promise<void> => {
    const texts = naughty ?? [];
    for (let at = 0; at < texts.length; at += 50) await Promise.all(texts.slice(at, at + 50).map(check));
  };

  test("as a customer", () =>
    each(async (customer) => {
      const { status, body } = await shop.call("POST", "/orders", { json: { ...goodOrder, customer } });
      if (status === 202) expect(body.customer).toBe(customer);
      else expect([status, body.type]).toEqual([422, "/problems/invalid-input"]);
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
        .replaceAll(/[^\t\x20-\x7e\x80-\xff]/g, "");
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
      for (const { status } of answers) expect([200, 404, 422]).toContain(status);
    }));
});

function naughtyStrings(): readonly string[] | undefined {
  const data = process.env["ASHLAR_DATA"] ?? join(import.meta.dirname, "../../../../shared/data");
  const file = join(data, "strings-naughty/blns-1.json");
  return existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")) as readonly string[]) : undefined;
}
