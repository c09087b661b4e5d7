import { expect, test } from "vitest";
import { z } from "zod";
import { call } from "./call.ts";
import { compareContracts } from "./compare-contracts.ts";
import { contract, type AnyContract } from "./contract.ts";
import { contractHash } from "./describe-contract.ts";
import { event } from "./event.ts";
import { failure } from "./failure.ts";
import { queue } from "./queue.ts";

function calling(input: z.ZodType, output: z.ZodType = z.object({})): AnyContract {
  return contract("shop", { calls: { place: call({ input, output }) } });
}

function breakages(before: AnyContract, after: AnyContract): string[] {
  return compareContracts(before, after).map(({ operation, message }) => `${operation}: ${message}`);
}

const item = z.object({ sku: z.string(), quantity: z.int().min(1).max(10) });

test.for<[string, z.ZodType, z.ZodType]>([
  ["the same", item, item],
  ["a field becomes optional", item, item.partial()],
  ["an optional field is added", item, item.extend({ note: z.string().optional() })],
  ["a field with a default is added", item, item.extend({ gift: z.boolean().default(false) })],
  ["bounds are loosened", item, item.extend({ quantity: z.int().min(0).max(99) })],
  ["an integer becomes a number", item, item.extend({ quantity: z.number() })],
  ["a choice is added", z.object({ way: z.enum(["a"]) }), z.object({ way: z.enum(["a", "b"]) })],
  [
    "a text becomes a text or a number",
    z.object({ id: z.string() }),
    z.object({ id: z.union([z.string(), z.number()]) }),
  ],
])("an input may widen: %s", ([, before, after]) => {
  expect(breakages(calling(before), calling(after))).toEqual([]);
});

test.for<[z.ZodType, z.ZodType, string]>([
  [item, item.extend({ note: z.string() }), "place: input.note: was optional or unknown, is required"],
  [item.partial(), item, "place: input.sku: was optional or unknown, is required"],
  [item, item.extend({ quantity: z.int().min(2).max(10) }), "place: input.quantity: minimum was 1, is 2"],
  [item, item.extend({ sku: z.number() }), "place: input.sku: was string, is number"],
  [item, item.extend({ sku: z.string().regex(/^A/) }), "place: input.sku: pattern was absent, is ^A"],
  [item, z.strictObject({ sku: z.string() }), "place: input.quantity: is no longer accepted"],
  [
    z.object({ way: z.enum(["a", "b"]) }),
    z.object({ way: z.enum(["a"]) }),
    'place: input.way: "b" is no longer accepted',
  ],
  [
    z.object({ of: z.array(item) }),
    z.object({ of: z.array(item).max(3) }),
    "place: input.of: maxItems was absent, is 3",
  ],
  [
    z.object({ of: z.array(z.string()) }),
    z.object({ of: z.array(z.number()) }),
    "place: input.of[]: was string, is number",
  ],
])("an input may not narrow: %#", ([before, after, message]) => {
  expect(breakages(calling(before), calling(after))).toContain(message);
});

test("an output may narrow and gain fields, and may not widen or lose them", () => {
  const before = calling(z.object({}), z.object({ state: z.enum(["new", "paid"]), total: z.number().optional() }));
  const narrower = z.object({ state: z.enum(["new"]), total: z.int(), more: z.string() });
  expect(breakages(before, calling(z.object({}), narrower))).toEqual([]);
  const wider = z.object({ state: z.enum(["new", "paid", "sent"]) });
  expect(breakages(before, calling(z.object({}), wider))).toEqual([
    'place: output.state: "sent" is no longer accepted',
  ]);
  expect(breakages(before, calling(z.object({}), z.object({ total: z.number() })))).toContain(
    "place: output.state: was optional or unknown, is required",
  );
});

test("what exists stays, refusals stay known, promises are kept, routes and keys do not move", () => {
  const schemas = { input: z.object({ id: z.string() }), output: z.object({}) };
  const refused = { errors: { gone: failure({ title: "gone", data: z.object({}) }) } };
  const before = contract("shop", {
    calls: { get: call({ ...schemas, semantics: "safe", http: "GET /orders/{id}" }), old: call(schemas) },
    events: { sold: event({ data: z.object({ id: z.string() }), key: "id" }) },
    queues: { ship: queue({ input: z.object({ id: z.string() }) }) },
  });
  const after = contract("shop", {
    calls: { get: call({ ...schemas, ...refused, semantics: "unsafe", deadlineMs: 5, http: "POST /orders/{id}" }) },
    events: { sold: event({ data: z.object({ id: z.string().optional() }) }) },
    queues: { ship: queue({ input: z.object({ id: z.number() }) }) },
  });
  expect(breakages(before, after)).toEqual([
    "get: may now refuse with gone, which callers do not know",
    "get: was safe, is unsafe: callers may repeat it",
    "get: deadline was 10000 ms, is 5 ms",
    "get: was at GET /orders/{id} (200), is at POST /orders/{id} (200)",
    "old: is gone",
    "sold: data.id: was optional or unknown, is required",
    "sold: was ordered by id, is ordered by nothing",
    "ship: input.id: was string, is number",
    "ship: input.id: was string, is number",
  ]);
});

test("a schema that refers to itself is compared as far as it goes", () => {
  const tree = (leaf: z.ZodType): z.ZodType => {
    const node: z.ZodType = z.object({ leaf, children: z.array(z.lazy(() => node)) });
    return node;
  };
  expect(breakages(calling(tree(z.string())), calling(tree(z.string())))).toEqual([]);
  expect(breakages(calling(tree(z.string())), calling(tree(z.number())))).toContain(
    "place: input.leaf: was string, is number",
  );
});

test("the hash follows what both sides agree on, not the words for people", () => {
  const schemas = { input: z.object({ id: z.string() }), output: z.object({}) };
  const plain = contract("shop", { calls: { get: call(schemas) } });
  const told = contract("shop", { owner: "team", calls: { get: call({ ...schemas, summary: "Gets." }) } });
  const other = contract("shop", { calls: { get: call({ ...schemas, output: z.object({ id: z.string() }) }) } });
  expect(contractHash(plain)).toBe(contractHash(told));
  expect(contractHash(plain)).not.toBe(contractHash(other));
});
