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
    queues: {
      ship: queue({ input: z.object({ id: z.string() }) }),
      quote: queue({ input: z.object({}), output: z.object({ fee: z.int() }), deadlineMs: 1_000 }),
      note: queue({ input: z.object({}) }),
    },
  });
  const after = contract("shop", {
    calls: { get: call({ ...schemas, ...refused, semantics: "unsafe", deadlineMs: 5, http: "POST /orders/{id}" }) },
    events: { sold: event({ data: z.object({ id: z.string().optional() }) }) },
    queues: {
      ship: queue({ input: z.object({ id: z.number() }) }),
      quote: queue({ input: z.object({}), output: z.object({ fee: z.string() }), deadlineMs: 500 }),
      note: queue({ input: z.object({}), output: z.object({}) }),
    },
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
    "quote: output.fee: was string, is integer",
    "quote: deadline was 1000 ms, is 500 ms",
    "note: was answered with the id of the job, and is with its result",
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

const either = z.union([z.literal("a"), z.literal("b")]);
const both = z.intersection(z.object({ a: z.string() }), z.object({ b: z.number() }));

test.for<[string, z.ZodType, z.ZodType]>([
  ["an enumeration becomes a union of its values", z.enum(["a", "b"]), either],
  ["a union becomes an enumeration of its values", either, z.enum(["a", "b", "c"])],
  ["an intersection stays what it is", both, both],
  ["an intersection becomes one of its parts", both, z.object({ a: z.string() })],
  ["a text that may be null stays one", z.string().nullable(), z.union([z.null(), z.string().max(99), z.string()])],
  ["an exclusive bound becomes an inclusive one", z.number().gt(5).lt(9), z.number().min(5).max(9)],
  ["texts by name stay texts by name", z.record(z.string(), z.string()), z.record(z.string(), z.string())],
  ["a pair stays a pair", z.tuple([z.string(), z.number()]), z.tuple([z.string(), z.number()])],
  ["any JSON stays any JSON", z.json(), z.json()],
  ["values that fit a pattern and bounds", z.enum(["ab", "ac"]), z.string().min(2).max(2).regex(/^a/)],
  [
    "one kind is added to those told apart by a field",
    z.discriminatedUnion("kind", [z.object({ kind: z.literal("a"), at: z.int() })]),
    z.discriminatedUnion("kind", [
      z.object({ kind: z.literal("a"), at: z.int() }),
      z.object({ kind: z.literal("b"), why: z.string() }),
    ]),
  ],
])("who sends what fitted still fits: %s", ([, before, after]) => {
  expect(breakages(calling(z.object({ it: before })), calling(z.object({ it: after })))).toEqual([]);
});

test.for<[string, z.ZodType, z.ZodType]>([
  ["values by name change", z.record(z.string(), z.string()), z.record(z.string(), z.number())],
  ["names are held to a choice", z.record(z.string(), z.string()), z.partialRecord(z.enum(["a"]), z.string())],
  ["a place of a tuple changes", z.tuple([z.string(), z.string()]), z.tuple([z.string(), z.number()])],
  ["a tuple gets longer", z.tuple([z.string()]), z.tuple([z.string(), z.string()])],
  ["a list becomes a tuple", z.array(z.string()), z.tuple([z.string(), z.string()])],
  ["a value becomes too short", z.enum(["a", "bb"]), z.string().min(2)],
  ["a value is below a bound", z.literal(5), z.int().min(10)],
  ["a value does not fit a pattern", z.enum(["ab", "xy"]), z.string().regex(/^a/)],
  ["what JSON Schema cannot say takes its place", z.string(), z.custom<string>(() => true)],
  ["an unknown keyword appears", z.string(), z.string().meta({ contentMediaType: "text/html" })],
  ["a part of an intersection is added", z.object({ a: z.string() }), both],
  ["fields that were not named get a schema", z.looseObject({}), z.object({}).catchall(z.number())],
])("who sends what fitted may not fit any more: %s", ([, before, after]) => {
  expect(breakages(calling(z.object({ it: before })), calling(z.object({ it: after })))).not.toEqual([]);
});

test("schemas that refer to themselves in many places are compared in the time of their size", () => {
  const tree = (leaf: z.ZodType): z.ZodType => {
    const node: z.ZodType = z.object({
      leaf,
      left: z.lazy(() => node.optional()),
      right: z.lazy(() => node.optional()),
      others: z.array(z.lazy(() => z.union([node, z.string()]))),
    });
    return node;
  };
  expect(breakages(calling(tree(z.string())), calling(tree(z.string())))).toEqual([]);
  expect(breakages(calling(tree(z.string())), calling(tree(z.number())))).toContain(
    "place: input.leaf: was string, is number",
  );
});

test.for<[string, z.ZodType, string[]]>([
  ["it gains an optional field", item.extend({ note: z.string().optional() }), []],
  ["it gains a field with a default", item.extend({ note: z.string().default("") }), []],
  [
    "it gains a field",
    item.extend({ note: z.string() }),
    ["sold: stored data.note: was optional or unknown, is required"],
  ],
  [
    "its values narrow",
    item.extend({ quantity: z.int().min(1).max(5) }),
    ["sold: stored data.quantity: maximum was 10, is 5"],
  ],
])("an event that is stored is heard under the next contract too: %s", ([, data, found]) => {
  const selling = (sold: z.ZodType): AnyContract => contract("shop", { events: { sold: event({ data: sold }) } });
  expect(breakages(selling(item), selling(data))).toEqual(found);
});
