import { expect, test } from "vitest";
import { manualClock } from "../clock/mod.ts";
import { api, type ApiOptions } from "./api.ts";
import type { HttpReply } from "./exchange.ts";
import { openHealth } from "../health/mod.ts";
import { documentPages, healthPages } from "./pages.ts";
import { contracts, openOrders, orders } from "./shop.test-api.ts";

type Asked = { readonly body?: string; readonly headers?: Readonly<Record<string, string>> };

async function ask(
  method: string,
  url: string,
  asked: Asked = {},
  more: Partial<ApiOptions> = {},
): Promise<HttpReply & { readonly json: Record<string, unknown> }> {
  await using services = await openOrders();
  const { dispatcher } = services;
  let id = 0;
  const made = api({ contracts, dispatcher, nextId: () => `id-${++id}`, clock: manualClock(), ...more });
  const { body = "", headers = {} } = asked;
  const type = body === "" ? {} : { "content-type": "application/json" };
  const reply = await made.answer({
    method,
    url,
    headers: { ...type, ...headers },
    body: async () => body,
    signal: new AbortController().signal,
  });
  const isJson = reply.headers["content-type"]?.includes("json") === true && reply.body !== "";
  return { ...reply, json: isJson ? (JSON.parse(reply.body) as Record<string, unknown>) : {} };
}

test("path, query and body become one input, with texts turned into what the schema says", async () => {
  expect((await ask("GET", "/orders/a%20b")).json).toEqual({ id: "a b", quantity: 1, revision: 7 });
  expect((await ask("GET", "/orders")).json).toEqual({ limit: 20 });
  expect((await ask("GET", "/orders?limit=5&open=true&tags=a&tags=1")).json).toEqual({
    limit: 5,
    open: true,
    tags: ["a", "1"],
  });
  const placed = await ask("POST", "/orders", { body: '{"quantity":2}' });
  expect(placed).toMatchObject({ status: 201, headers: { location: "/orders/a%20b" }, json: { quantity: 2 } });
  expect(await ask("DELETE", "/orders/a")).toMatchObject({ status: 204, body: "" });
});

test.for<[string, string, string, Asked, number, object]>([
  ["an unknown path", "GET", "/nothing", {}, 404, { type: "/problems/not-found" }],
  ["another method", "DELETE", "/orders", {}, 405, { type: "/problems/method" }],
  ["no JSON", "POST", "/orders", { body: "{" }, 400, { type: "/problems/invalid-json" }],
  ["no object", "POST", "/orders", { body: "[1]" }, 400, { type: "/problems/invalid-json" }],
  ["another content type", "POST", "/orders", { body: "x=1", headers: { "content-type": "text/plain" } }, 415, {}],
  [
    "another charset",
    "POST",
    "/orders",
    { body: "{}", headers: { "content-type": "application/json; charset=latin1" } },
    415,
    {},
  ],
  ["a compressed body", "POST", "/orders", { body: "{}", headers: { "content-encoding": "gzip" } }, 415, {}],
  ["an unknown field", "POST", "/orders", { body: '{"quantity":1,"odd":1}' }, 422, { errors: [{ pointer: "#" }] }],
  ["a wrong type", "POST", "/orders", { body: '{"quantity":"1"}' }, 422, { errors: [{ pointer: "#/quantity" }] }],
  [
    "a wrong item",
    "POST",
    "/orders",
    { body: '{"quantity":1,"items":[{}]}' },
    422,
    { errors: [{ pointer: "#/items/0/sku" }] },
  ],
  ["a wrong parameter", "GET", "/orders?limit=ten", {}, 422, { errors: [{ pointer: "query: limit" }] }],
  ["an unknown parameter", "GET", "/orders?odd=1", {}, 422, { errors: [{ pointer: "query: " }] }],
  ["a parameter twice", "GET", "/orders?limit=1&limit=2", {}, 400, { type: "/problems/field-twice" }],
  [
    "a field of the path in the body",
    "PUT",
    "/orders/a",
    { body: '{"id":"b","quantity":1}', headers: { "if-match": '"1"' } },
    400,
    { detail: "id" },
  ],
  ["no If-Match", "PUT", "/orders/a", { body: '{"quantity":1}' }, 428, {}],
  ["a key that is none", "POST", "/orders", { body: '{"quantity":1}', headers: { "idempotency-key": "a b" } }, 400, {}],
  ["a deadline that is none", "GET", "/orders/a", { headers: { "request-timeout": "soon" } }, 400, {}],
  ["another form", "GET", "/orders/a", { headers: { accept: "text/html" } }, 406, {}],
  ["a stream asked for as JSON", "GET", "/count?to=1", {}, 406, {}],
  ["nobody known", "POST", "/clerk", {}, 401, { type: "/problems/unknown-caller" }],
  [
    "a declared refusal",
    "GET",
    "/orders/none",
    {},
    404,
    { type: "/problems/unknown-order", failure: "unknownOrder", data: { id: "none" } },
  ],
  ["a fault", "POST", "/broken", {}, 500, { type: "/problems/fault" }],
  ["a deadline of the contract", "POST", "/slow", {}, 504, { type: "/problems/timeout" }],
])("%s is a problem that says so", async ([, method, url, asked, status, told]) => {
  const reply = await ask(method, url, asked);
  expect(reply.status).toBe(status);
  expect(reply.headers["content-type"]).toBe("application/problem+json; charset=utf-8");
  expect(reply.json).toMatchObject({ status, title: expect.any(String), ...told });
  expect(reply.body).not.toContain("secret");
});

test("callers are asked for, roles held, rates told", async () => {
  const authenticate = ({ headers }: { headers: Readonly<Record<string, unknown>> }) =>
    headers["authorization"] === undefined
      ? undefined
      : { id: "ada", roles: (headers["authorization"] as string).split(" ") };
  const as = (authorization: string): Asked => ({ headers: { authorization } });
  expect((await ask("POST", "/clerk", as("visitor"), { authenticate })).status).toBe(403);
  expect((await ask("POST", "/clerk", as("clerk"), { authenticate })).status).toBe(200);
  expect((await ask("POST", "/clerk", {}, { authenticate })).headers["www-authenticate"]).toBe("Bearer");
  await using services = await openOrders();
  const { dispatcher } = services;
  const made = api({ contracts, dispatcher, nextId: () => "id", clock: manualClock() });
  const often = {
    method: "POST",
    url: "/often",
    headers: {},
    body: async () => "",
    signal: new AbortController().signal,
  };
  expect((await made.answer(often)).status).toBe(200);
  expect(await made.answer(often)).toMatchObject({ status: 429, headers: { "retry-after": "10" } });
});

test("conditional requests: a tag from a field or the body, 304 for who has it, If-Match as a field of the input", async () => {
  const tagged = await ask("GET", "/orders/a");
  expect(tagged.headers["etag"]).toBe('"7"');
  expect(await ask("GET", "/orders/a", { headers: { "if-none-match": '"6", W/"7"' } })).toMatchObject({
    status: 304,
    body: "",
  });
  const hashed = await ask("GET", "/orders", { headers: { "if-none-match": '"x"' } });
  expect(hashed.status).toBe(200);
  const tag = hashed.headers["etag"] ?? "";
  expect((await ask("GET", "/orders", { headers: { "if-none-match": tag } })).status).toBe(304);
  const changed = await ask("PUT", "/orders/a", { body: '{"quantity":3}', headers: { "if-match": '"7"' } });
  expect(changed.json).toEqual({ id: "a", quantity: 3, revision: 8 });
});

test("request ids are taken over when they are harmless, and allowed methods are told", async () => {
  expect((await ask("GET", "/orders/a", { headers: { "x-request-id": "mine-1" } })).headers["x-request-id"]).toBe(
    "mine-1",
  );
  expect((await ask("GET", "/orders/a", { headers: { "x-request-id": "bad\u0001" } })).headers["x-request-id"]).toBe(
    "id-1",
  );
  expect((await ask("OPTIONS", "/orders")).headers["allow"]).toBe("GET, POST, HEAD, OPTIONS");
  expect((await ask("HEAD", "/orders/a")).status).toBe(200);
});

test("the documents show what checks the requests; the page escapes what it shows", async () => {
  const pages = documentPages(contracts, { title: "Shop", version: "1" });
  const { json } = await ask("GET", "/openapi.json", {}, { pages });
  const { paths } = json as { paths: Record<string, Record<string, Record<string, unknown>>> };
  expect(Object.keys(paths)).toEqual(["/orders/{id}", "/orders", "/clerk", "/often", "/broken", "/slow", "/count"]);
  expect(paths["/orders"]?.["post"]).toMatchObject({
    operationId: "orders.place",
    requestBody: {
      content: { "application/json": { schema: { required: ["quantity"], additionalProperties: false } } },
    },
    parameters: [{ name: "Idempotency-Key" }],
    responses: { 201: { headers: { Location: {} } }, 422: {}, 503: {} },
  });
  expect(paths["/orders/{id}"]?.["get"]?.["responses"]).toMatchObject({
    404: { description: "`unknownOrder`: No such order." },
  });
  expect(paths["/orders"]?.["get"]?.["parameters"]).toContainEqual(
    expect.objectContaining({ name: "limit", in: "query", required: false }),
  );
  const events = (await ask("GET", "/asyncapi.json", {}, { pages })).json;
  expect(events).toMatchObject({
    asyncapi: "3.0.0",
    operations: { "orders.placed": { action: "send" }, "orders.ship": { action: "receive" } },
  });
  const { body, headers } = await ask("GET", "/docs", {}, { pages });
  expect(headers["content-security-policy"]).toContain("default-src 'none'");
  expect(body).toContain("Takes orders &lt;and&gt; more.");
  expect(body).not.toContain("<and>");
});

test("health is answered by its state", async () => {
  await using health = await openHealth();
  const pages = healthPages(health);
  expect((await ask("GET", "/health/live", {}, { pages })).status).toBe(200);
  expect((await ask("GET", "/health/ready", {}, { pages })).status).toBe(503);
  health.moveTo("ready");
  expect((await ask("GET", "/health/ready", {}, { pages })).status).toBe(200);
  expect((await ask("GET", "/health", {}, { pages })).json).toMatchObject({ state: "ready", memory: {} });
});

test("two operations at one place are refused", async () => {
  await using services = await openOrders();
  const { dispatcher } = services;
  expect(() => api({ contracts: [orders, orders], dispatcher, nextId: () => "id", clock: manualClock() })).toThrow(
    "orders",
  );
});

test("a trace goes on when it is one", async () => {
  const ids = ["4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"] as const;
  const good = `00-${ids[0]}-${ids[1]}-01`;
  const given: readonly (readonly [string, string | undefined])[] = [
    [good, good],
    [`cc-${ids[0]}-${ids[1]}-01-what-will-be-later`, `cc-${ids[0]}-${ids[1]}-01`],
    [`${good}, ${good}`, undefined],
    [`${good}-more`, undefined],
    [`ff-${ids[0]}-${ids[1]}-01`, undefined],
    [`00-${"0".repeat(32)}-${ids[1]}-01`, undefined],
    [`00-${ids[0]}-${"0".repeat(16)}-01`, undefined],
    [good.toUpperCase(), undefined],
  ];
  for (const [traceparent, trace] of given) {
    const seen: (string | undefined)[] = [];
    const dispatcher = {
      call: () => (request: { readonly trace?: string }) => (seen.push(request.trace), Promise.resolve({})),
      stream: () => () => [],
    } as never;
    await ask("GET", "/orders/a", { headers: { traceparent } }, { dispatcher });
    expect({ traceparent, seen }).toEqual({ traceparent, seen: [trace] });
  }
});
