import { expect, test } from "vitest";
import { z } from "zod";
import { ConfigError } from "../errors/mod.ts";
import { call } from "./call.ts";
import { clientOf } from "./client-of.ts";
import { contract, contractId } from "./contract.ts";
import { isFailure } from "./call-errors.ts";
import { type CallError, errorReply, isCallError, replyError } from "./error-reply.ts";
import {
  AccessError,
  DeclaredError,
  FaultError,
  KeyReusedError,
  OutcomeUnknownError,
  RateLimitError,
  UnavailableError,
} from "./call-errors.ts";
import { failure } from "./failure.ts";
import type { Dispatcher, Request } from "./dispatcher.ts";
import { event } from "./event.ts";
import { queue } from "./queue.ts";
import { stream } from "./stream.ts";
import { TimeoutError } from "../errors/mod.ts";
import { ValidationError } from "../schema/mod.ts";

const nothing = z.object({});
const schemas = { input: nothing, output: nothing };

test("terms have production defaults", () => {
  expect(call(schemas)).toMatchObject({ semantics: "unsafe", deadlineMs: 10_000, access: "public", http: undefined });
  expect(contract("shop", {})).toMatchObject({ version: 1, calls: {}, streams: {}, events: {}, queues: {} });
  expect(contractId(contract("shop", { version: 3 }))).toBe("shop@3");
  const { rateLimit } = call({ ...schemas, rateLimit: { perSecond: 2.5 } });
  expect(rateLimit).toEqual({ perSecond: 2.5, burst: 3, per: "caller" });
});

test.for<[string, () => unknown]>([
  ["name", () => contract("Shop", {})],
  ["version", () => contract("shop", { version: 0 })],
  ["shop.Get", () => contract("shop", { calls: { Get: call(schemas) } })],
  ["shop.constructor", () => contract("shop", { calls: { constructor: call(schemas) } })],
  ["shop.a", () => contract("shop", { calls: { a: call(schemas) }, events: { a: event({ data: nothing }) } })],
  ["deadlineMs", () => call({ ...schemas, deadlineMs: 0 })],
  ["semantics", () => call({ ...schemas, http: "GET /orders" })],
  ["semantics", () => call({ ...schemas, http: "DELETE /orders/{id}", semantics: "keyed" })],
  ["http", () => call({ ...schemas, http: "FETCH /orders" })],
  ["http", () => call({ ...schemas, http: "POST orders" })],
  ["http", () => call({ ...schemas, http: "POST /orders/{id}/{id}" })],
  ["http", () => call({ ...schemas, http: "POST /orders/{i d}" })],
  ["http.status", () => call({ ...schemas, http: { route: "POST /orders", status: 404 } })],
  ["access", () => call({ ...schemas, access: { roles: [] } })],
  ["rateLimit.perSecond", () => call({ ...schemas, rateLimit: { perSecond: 0 } })],
  ["targets.availability", () => call({ ...schemas, targets: { availability: 99 } })],
  ["status", () => failure({ title: "odd", data: nothing, status: 200 })],
  ["attemptsMax", () => queue({ input: nothing, attemptsMax: 0 })],
  ["key", () => event({ data: nothing, key: "" })],
])("a declaration that makes no sense is refused by name: %s", ([option, declare]) => {
  try {
    declare();
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    expect((error as ConfigError).option).toBe(option);
    return;
  }
  expect.unreachable();
});

const operation = "shop@1.place";
const errors: readonly CallError[] = [
  new DeclaredError(operation, {
    failure: "outOfStock",
    title: "too few: refused: 3",
    data: { left: 3 },
    retryable: true,
  }),
  new ValidationError(`the input of ${operation}`, [{ path: "sku", message: "missing" }]),
  new UnavailableError(operation, "draining", 250),
  new UnavailableError(operation, "no instance"),
  new OutcomeUnknownError(operation, "allowed"),
  new AccessError(operation, "missing role"),
  new RateLimitError(operation, 12.5),
  new KeyReusedError(operation),
  new TimeoutError(operation, 30),
  new FaultError(operation, "ref-1", { retryable: false, cause: new Error("secret") }),
];

test.for(errors)("$name is the same on the other side of a wire", (error) => {
  const arrived = replyError(operation, JSON.parse(JSON.stringify(errorReply(error))) as ReturnType<typeof errorReply>);
  expect(arrived.constructor).toBe(error.constructor);
  expect(arrived.message).toBe(error.message);
  expect(arrived.retryable).toBe(error.retryable);
  for (const [field, value] of Object.entries(error))
    if (field !== "cause") expect(arrived).toHaveProperty(field, value);
  expect(isCallError(arrived)).toBe(true);
  expect(JSON.stringify(errorReply(error))).not.toContain("secret");
});

test("a failure is told apart by its name, and only by calls that declare it", () => {
  const place = call({
    ...schemas,
    errors: { outOfStock: failure({ title: "too few", data: z.object({ left: z.int() }) }) },
  });
  const [declared, invalid] = errors;
  expect(isFailure(declared, place, "outOfStock") && declared.data.left).toBe(3);
  expect(isFailure(invalid, place, "outOfStock")).toBe(false);
  expect(isFailure(declared, call(schemas), "outOfStock" as never)).toBe(false);
});

test("a client asks its dispatcher once an operation, and gives it input, settings and what it inherits", async () => {
  const asked: string[] = [];
  const requests: Request[] = [];
  const note = (kind: string) => (_: unknown, name: string) => {
    asked.push(`${kind} ${name}`);
    return (request: Request): never => void requests.push(request) as never;
  };
  const dispatcher: Dispatcher = {
    call: note("call"),
    stream: note("stream"),
    queue: note("queue"),
    feed: () => expect.unreachable(),
  };
  const shop = contract("shop", {
    calls: { place: call(schemas) },
    streams: { track: stream(schemas) },
    queues: { ship: queue({ input: nothing }) },
    events: { sold: event({ data: nothing }) },
  });
  const client = clientOf(shop, dispatcher, { caller: { id: "ada", roles: [] } });
  expect(asked).toEqual(["call place", "stream track", "queue ship"]);
  await client.place({}, { key: "k", withinMs: 5 });
  client.track({});
  await client.ship({}, { key: "j" });
  expect(requests).toEqual([
    { input: {}, caller: { id: "ada", roles: [] }, key: "k", withinMs: 5 },
    { input: {}, caller: { id: "ada", roles: [] } },
    { input: {}, caller: { id: "ada", roles: [] }, key: "j" },
  ]);
});
