import { afterAll, beforeAll, expect, test } from "vitest";
import { openTestShop, type TestShop } from "./edge.test-shop.ts";

let shop: TestShop;
let document: Node;
beforeAll(async () => {
  shop = await openTestShop();
  document = (await shop.call("GET", "/openapi.json")).body;
});
afterAll(() => shop[Symbol.asyncDispose]());

interface Node {
  readonly [name: string]: unknown;
}

function operations(): readonly { readonly path: string; readonly method: string; readonly operation: Node }[] {
  return Object.entries(document["paths"] as Record<string, Record<string, Node>>).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]) => ({ path, method, operation })),
  );
}

test("the OpenAPI document describes nothing that is not answered", async () => {
  expect(document["openapi"]).toMatch(/^3\.1\.\d+$/);
  expect(operations().length).toBeGreaterThan(15);
  for (const { path, method, operation } of operations()) {
    const { status, body } = await shop.call(method.toUpperCase(), path.replaceAll(/\{\w+\}/g, "x"));
    expect([405, status === 404 && body.type === "/problems/not-found"]).not.toContain(status);
    expect(operation["summary"]).toEqual(expect.stringMatching(/\S/));
  }
});

test("the AsyncAPI document tells every event of the shop", async () => {
  const { body } = await shop.call("GET", "/asyncapi.json");
  expect(Object.keys(body.channels)).toEqual([
    "catalog.changed",
    "orders.ended",
    "orders.sold",
    "orders.returned",
    "orders.refunded",
  ]);
});

test("the page for people names every service", async () => {
  const { text } = await shop.call("GET", "/docs");
  for (const name of ["accounts", "cart", "catalog", "inventory", "orders", "payments", "shipping", "analytics"])
    expect(text).toContain(`<section id="${name}">`);
});

test("every problem is explained where its type points", async () => {
  for (const path of ["/nothing", "/orders/none", "/orders?colour=blue"]) {
    const { body } = await shop.call("GET", path);
    const { status, title, type } = (await shop.call("GET", body.type)).body;
    expect({ status, title, type }).toEqual({ status: body.status, title: body.title, type: body.type });
  }
});
