import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { goodOrder, openTestShop, type TestShop } from "./api.test-shop.ts";
import { problemsOf } from "./route.ts";
import { problemTypes } from "./problem-types.ts";
import { problemSchema } from "./schemas.ts";

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

interface Operation {
  readonly operationId: string;
  readonly tags: readonly string[];
  readonly parameters?: readonly {
    readonly name: string;
    readonly in: string;
    readonly required: boolean;
    readonly schema: Node;
  }[];
  readonly requestBody?: { readonly content: Node };
  readonly responses: Readonly<
    Record<string, { readonly description: string; readonly content: Node; readonly headers?: Node }>
  >;
}

const methods: ReadonlySet<string> = new Set(["get", "put", "post", "delete", "options", "head", "patch", "trace"]);

function operations(): readonly { readonly path: string; readonly method: string; readonly operation: Operation }[] {
  return Object.entries(document["paths"] as Record<string, Record<string, Operation>>).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]) => ({ path, method, operation })),
  );
}

function* nodes(value: unknown, place: string): Generator<readonly [place: string, node: Node]> {
  if (typeof value !== "object" || value === null) return;
  yield [place, value as Node];
  for (const [name, child] of Object.entries(value)) yield* nodes(child, `${place}/${name}`);
}

describe("the OpenAPI document", () => {
  test("has what 3.1 requires of a document", () => {
    expect(document["openapi"]).toMatch(/^3\.1\.\d+$/);
    expect(document["info"]).toMatchObject({ title: expect.any(String), version: expect.any(String) });
    const allowed = [
      "openapi",
      "info",
      "jsonSchemaDialect",
      "servers",
      "paths",
      "webhooks",
      "components",
      "security",
      "tags",
      "externalDocs",
    ];
    expect(allowed).toEqual(expect.arrayContaining(Object.keys(document)));
  });

  test("lists every route that is answered, and no other", () => {
    const described = operations().map(({ path, method }) => `${method.toUpperCase()} ${path}`);
    const answered = shop.api.routes.map((route) => `${route.method} ${route.template}`);
    expect(described.toSorted()).toEqual(answered.toSorted());
    expect(operations().every(({ method }) => methods.has(method))).toBe(true);
  });

  test("describes nothing that is not there: every operation is answered by its handler", async () => {
    for (const { path, method } of operations()) {
      const { status, body } = await shop.call(method.toUpperCase(), path.replaceAll(/\{\w+\}/g, "x"));
      expect([405, status === 404 && body.type === "/problems/no-such-route"]).not.toContain(status);
    }
  });

  test("has unique operation ids and known tags", () => {
    const ids = operations().map(({ operation }) => operation.operationId);
    expect(new Set(ids).size).toBe(ids.length);
    const tags = (document["tags"] as readonly { readonly name: string }[]).map(({ name }) => name);
    for (const { operation } of operations()) expect(tags).toEqual(expect.arrayContaining([...operation.tags]));
  });

  test("declares each part of a path as a required parameter, and each parameter once", () => {
    for (const { path, operation } of operations()) {
      const parameters = operation.parameters ?? [];
      const inPath = parameters.filter((parameter) => parameter.in === "path");
      expect(inPath.map(({ name }) => name)).toEqual(Array.from(path.matchAll(/\{(\w+)\}/g), ([, name]) => name));
      expect(inPath.every(({ required }) => required)).toBe(true);
      const places = parameters.map((parameter) => `${parameter.in} ${parameter.name}`);
      expect(new Set(places).size).toBe(places.length);
      for (const { schema } of parameters) expect(Object.keys(schema).length).toBeGreaterThan(0);
    }
  });

  test("documents every problem of every route, with its media type", () => {
    for (const route of shop.api.routes) {
      const { operation } = operations().find(({ operation }) => operation.operationId === route.operation) ?? {};
      for (const problem of problemsOf(route)) {
        const response = operation?.responses[problemTypes[problem].status];
        expect(response?.description).toContain(problem);
        expect(response?.content).toHaveProperty(
          ["application/problem+json", "schema", "$ref"],
          "#/components/schemas/Problem",
        );
      }
    }
  });

  test("has responses with a valid status, a description and a schema", () => {
    for (const { operation } of operations()) {
      expect(Object.keys(operation.responses).some((status) => status.startsWith("2"))).toBe(true);
      for (const [status, { description, content }] of Object.entries(operation.responses)) {
        expect(status).toMatch(/^[1-5]\d\d$/);
        expect(description).not.toBe("");
        for (const media of Object.values(content)) expect(media).toHaveProperty("schema");
      }
    }
  });

  test("resolves each reference, and uses each component", () => {
    const used = new Set<string>();
    for (const [place, node] of nodes(document, "#")) {
      const reference = node["$ref"];
      if (typeof reference !== "string") continue;
      expect([place, reference]).toEqual([place, expect.stringMatching(/^#\/components\/schemas\/[\w.-]+$/)]);
      used.add(reference.replace("#/components/schemas/", ""));
    }
    const { schemas } = document["components"] as { readonly schemas: Node };
    expect([...used].toSorted()).toEqual(Object.keys(schemas).toSorted());
  });

  test("has schemas of JSON Schema 2020-12 only", () => {
    const types = ["string", "integer", "number", "boolean", "object", "array", "null"];
    for (const [place, node] of nodes(document, "#")) {
      if (!place.includes("schema") || typeof node["type"] !== "string") continue;
      expect(types).toContain(node["type"]);
      // Of 3.0, and gone.
      expect(node).not.toHaveProperty("nullable");
      if (typeof node["pattern"] === "string") expect(() => new RegExp(String(node["pattern"]), "u")).not.toThrow();
      if (Array.isArray(node["required"]))
        expect(Object.keys(node["properties"] ?? {})).toEqual(expect.arrayContaining(node["required"]));
    }
  });

  test("shows numbers in a query as numbers", () => {
    const list = operations().find(({ operation }) => operation.operationId === "listProducts");
    const limit = list?.operation.parameters?.find(({ name }) => name === "limit");
    expect(limit).toMatchObject({
      required: false,
      schema: { type: "integer", minimum: 1, maximum: 100, default: 20 },
    });
  });
});

test("every answer is of the schema that the document gives for it", async () => {
  const placed = await shop.call("POST", "/orders", { json: goodOrder });
  const { id } = placed.body;
  await shop.call("GET", `/orders/${id}?waitSeconds=5`);
  const items = { items: [{ product: "MUG-1", quantity: 1 }] };
  const returned = await shop.call("POST", `/orders/${id}/returns`, { json: items });
  const asked: Readonly<Record<string, readonly [method: string, path: string, json?: unknown]>> = {
    listProducts: ["GET", "/products?limit=1"],
    getProduct: ["GET", "/products/MUG-1"],
    placeOrder: ["POST", "/orders", goodOrder],
    getOrder: ["GET", `/orders/${id}`],
    listOrders: ["GET", "/orders?customer=anna&limit=1"],
    cancelOrder: ["POST", `/orders/${(await shop.call("POST", "/orders", { json: goodOrder })).body.id}/cancel`],
    returnItems: ["POST", `/orders/${await endedOrder()}/returns`, items],
    getReturn: ["GET", `/returns/${returned.body.id}`],
    getSales: ["GET", "/sales?by=product"],
    getHealth: ["GET", "/health"],
    getProblem: ["GET", "/problems/overloaded"],
    getOpenApi: ["GET", "/openapi.json"],
  };
  for (const route of shop.api.routes) {
    const [method = "", path = "", json] = asked[route.operation] ?? [];
    const { status, body } = await shop.call(method, path, json === undefined ? {} : { json });
    // Only a cancellation may come too late.
    const isTooLate = route.operation === "cancelOrder" && status === 409;
    expect([route.operation, status]).toEqual([
      route.operation,
      isTooLate ? 409 : Number(Object.keys(route.answers)[0]),
    ]);
    const schema = isTooLate ? problemSchema : route.answers[status]?.schema;
    expect(schema?.safeParse(body)).toMatchObject({ success: true });
  }
});

async function endedOrder(): Promise<string> {
  const id = await shop.order();
  await shop.call("GET", `/orders/${id}?waitSeconds=5`);
  return id;
}
