import { expect, test } from "vitest";
import { manualClock } from "../clock/mod.ts";
import { z } from "zod";
import { call, contract, isFailure } from "../contract/mod.ts";
import { seededRandom } from "../random/mod.ts";
import { implement } from "./implement.ts";
import type { LogLine } from "./log.ts";
import { openServices, type OpenServices, type OpenServicesOptions } from "./open-services.ts";
import { system } from "./system.ts";
import { orders, stock, testSystem, testTrace, type Trace } from "./shop.test-system.ts";

type World = {
  readonly running: OpenServices;
  readonly clock: ReturnType<typeof manualClock>;
  readonly trace: Trace;
  readonly lines: LogLine[];
};

async function withSystem(run: (world: World) => Promise<void>, options: OpenServicesOptions = {}): Promise<void> {
  const clock = manualClock();
  const trace = testTrace();
  const lines: LogLine[] = [];
  const log = (line: LogLine): void => void lines.push(line);
  const running = await openServices(testSystem(trace), { clock, random: seededRandom("services"), log, ...options });
  try {
    await run({ running, clock, trace, lines });
  } finally {
    const closed = running[Symbol.asyncDispose]();
    await clock.advance(60_000);
    await closed;
  }
}

/** What a promise is rejected with; waited for from the start. */
function rejection(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => undefined,
    (error: unknown) => error,
  );
}

test("a call goes through a needed service and back, with defaults filled by the schema", async () => {
  await withSystem(async ({ running }) => {
    expect(await running.client(orders).place({ sku: "tea" })).toEqual({ left: 4 });
  });
});

test("a declared error is typed, and another service's declared error is not ours", async () => {
  await withSystem(async ({ running }) => {
    const client = running.client(orders);
    const error: unknown = await client.place({ sku: "tea", quantity: 9 }).catch((thrown: unknown) => thrown);
    expect(isFailure(error, orders.calls.place, "refused") && error.data.why).toBe("5 left");
    await expect(client.place({ sku: "busy" })).rejects.toMatchObject({ code: "FAULT", operation: "orders@1.place" });
  });
});

test("what is wrong with an input is told with its place, and nothing is called", async () => {
  await withSystem(async ({ running, trace }) => {
    const wrong = running.client(stock).take({ sku: "tea", quantity: 0, more: 1 } as never);
    await expect(wrong).rejects.toMatchObject({ code: "VALIDATION", issues: [{ path: "quantity" }, { path: "" }] });
    expect(trace.takes).toBe(0);
  });
});

test("an output that breaks the contract is a fault of the service, told in its log and not to the caller", async () => {
  await withSystem(async ({ running, lines }) => {
    await expect(running.client(orders).broken({})).rejects.toMatchObject({ code: "FAULT" });
    expect(lines[0]).toMatchObject({ level: "error", operation: "orders@1.broken", error: { code: "VALIDATION" } });
  });
});

test("at the deadline the caller is released and the handler's signal is aborted", async () => {
  await withSystem(async ({ running, clock, trace }) => {
    const late = rejection(running.client(orders).slow({}));
    const tight = rejection(running.client(orders).slow({}, { withinMs: 20 }));
    await clock.advance(20);
    expect(await tight).toMatchObject({ code: "TIMEOUT", afterMs: 20 });
    await clock.advance(80);
    expect(await late).toMatchObject({ code: "TIMEOUT", afterMs: 100 });
    expect(trace.slowSignal?.reason).toMatchObject({ code: "TIMEOUT" });
  });
});

test("a caller that gives up is released with its own reason, and the handler is told", async () => {
  await withSystem(async ({ running, trace }) => {
    const controller = new AbortController();
    const given = running.client(orders).slow({}, { signal: controller.signal });
    const reason = new Error("changed my mind");
    controller.abort(reason);
    await expect(given).rejects.toBe(reason);
    expect(trace.slowSignal?.reason).toBe(reason);
    await expect(running.client(orders).slow({}, { signal: controller.signal })).rejects.toBe(reason);
  });
});

test("roles and rates are held before anything else happens", async () => {
  await withSystem(async ({ running, clock }) => {
    const guarded = running.dispatcher.call(orders, "guarded");
    const clerk = { id: "ada", roles: ["clerk"] };
    await expect(guarded({ input: {} })).rejects.toMatchObject({ code: "ACCESS", reason: "unknown caller" });
    const visitor = { id: "bob", roles: [] };
    await expect(guarded({ input: {}, caller: visitor })).rejects.toMatchObject({ reason: "missing role" });
    for (let count = 0; count < 2; count++) expect(await guarded({ input: {}, caller: clerk })).toEqual({});
    await expect(guarded({ input: {}, caller: clerk })).rejects.toMatchObject({
      code: "RATE_LIMIT",
      retryAfterMs: 1_000,
    });
    await clock.advance(1_000);
    expect(await guarded({ input: {}, caller: clerk })).toEqual({});
  });
});

test("a keyed call answers once for each key, also when asked at the same moment", async () => {
  await withSystem(async ({ running, trace }) => {
    const client = running.client(stock);
    const asked = [
      client.take({ sku: "tea", quantity: 2 }, { key: "k" }),
      client.take({ sku: "tea", quantity: 2 }, { key: "k" }),
    ];
    expect(await Promise.all(asked)).toEqual([{ left: 3 }, { left: 3 }]);
    expect(await client.take({ sku: "tea", quantity: 2 }, { key: "k" })).toEqual({ left: 3 });
    expect(trace.takes).toBe(1);
    await expect(client.take({ sku: "tea", quantity: 1 }, { key: "k" })).rejects.toMatchObject({ code: "KEY_REUSED" });
    const refused = { code: "DECLARED", failure: "outOfStock", data: { left: 3 } };
    await expect(client.take({ sku: "tea", quantity: 4 }, { key: "far" })).rejects.toMatchObject(refused);
    await expect(client.take({ sku: "tea", quantity: 4 }, { key: "far" })).rejects.toMatchObject(refused);
    expect(trace.takes).toBe(2);
  });
});

test("a refusal that a repeat may change is not kept under the key", async () => {
  await withSystem(async ({ running, trace }) => {
    const client = running.client(stock);
    for (let count = 0; count < 2; count++)
      await expect(client.take({ sku: "busy", quantity: 1 }, { key: "b" })).rejects.toMatchObject({
        failure: "tooBusy",
      });
    expect(trace.takes).toBe(2);
  });
});

test("a stream gives its items until it is left", async () => {
  await withSystem(async ({ running }) => {
    const seen: number[] = [];
    for await (const { n } of running.client(orders).count({ to: 1_000_000 })) if (seen.push(n) === 3) break;
    expect(seen).toEqual([1, 2, 3]);
    expect(running.services.find(({ service }) => service === "orders@1")?.callsInFlight).toBe(0);
  });
});

test("a job is taken in durably, tried again when its handler fails, and settled with what it adds", async () => {
  await withSystem(async ({ running, clock, trace }) => {
    trace.shipFaults = 1;
    const client = running.client(orders);
    const first = await client.ship({ id: "again" }, { key: "same" });
    expect(await client.ship({ id: "again" }, { key: "same" })).toEqual(first);
    await expect(client.ship({ id: 1 } as never)).rejects.toMatchObject({ code: "VALIDATION" });
    await clock.advance(2_000);
    expect(trace.shipped).toEqual(["again", "second"]);
  });
});

test("an event reaches its subscriber once, in order", async () => {
  await withSystem(async ({ running, clock, trace }) => {
    const client = running.client(stock);
    await client.take({ sku: "tea", quantity: 1 });
    await client.take({ sku: "tea", quantity: 2 });
    await clock.advance(3_000);
    expect(trace.told).toEqual(["stock@1/1 tea 1", "stock@1/2 tea 2"]);
    expect(await running.client(orders).heard({})).toEqual({ through: 2, waiting: 0, dead: 0 });
  });
});

test("a closing system refuses new calls as not done and waits for those that run", async () => {
  const clock = manualClock();
  const running = await openServices(testSystem(testTrace()), { clock, random: seededRandom("close"), graceMs: 50 });
  const client = running.client(orders);
  const underWay = rejection(client.slow({}));
  const closed = running[Symbol.asyncDispose]();
  await expect(client.place({ sku: "tea" })).rejects.toMatchObject({ code: "UNAVAILABLE", retryable: true });
  await clock.advance(60_000);
  expect(await underWay).toMatchObject({ code: "TIMEOUT" });
  await closed;
  expect(running.services.map(({ state }) => state)).toEqual(["closed", "closed"]);
});

test("as if remote, the same calls give the same answers, as copies and after a while", async () => {
  await withSystem(
    async ({ running, clock }) => {
      const placed = running.client(orders).place({ sku: "tea" });
      const refused = rejection(running.client(orders).place({ sku: "tea", quantity: 50 }));
      await clock.advance(1_000);
      expect(await placed).toEqual({ left: 4 });
      expect(await refused).toMatchObject({ code: "DECLARED", failure: "refused" });
    },
    { asIfRemote: { duplicates: 1 } },
  );
});

test("all services together close within the grace, however many of them hang", async () => {
  const clock = manualClock();
  const nothing = { input: z.object({}), output: z.object({}) };
  const made = ["one", "two", "three"].map((name) => contract(name, { calls: { hang: call(nothing) } }));
  const services = made.map((offered) =>
    implement(offered)({ calls: { hang: () => new Promise<never>(() => undefined) } }),
  );
  const running = await openServices(system("hanging", { services }), { clock, graceMs: 100 });
  const hanging = made.map((offered) => rejection(running.client(offered).hang({})));
  let state: "closing" | "closed" = "closing";
  const closed = running[Symbol.asyncDispose]().then(() => (state = "closed"));
  await clock.advance(110);
  expect(state).toBe("closed");
  expect(await Promise.all(hanging)).toMatchObject([{ code: "TIMEOUT" }, { code: "TIMEOUT" }, { code: "TIMEOUT" }]);
  await closed;
});

test("a service that cannot be opened tells what waits inside it, and the error is its own", async () => {
  const offered = contract("broken", {});
  let closing: AbortSignal | undefined;
  const service = implement(offered)({
    open(context) {
      closing = context.closing;
      context.resources.defer(() => {
        throw new Error("and the lights went out");
      });
      throw new Error("no power");
    },
  });
  const opened = rejection(openServices(system("broken", { services: [service] })));
  const error = await opened;
  expect(String(error instanceof SuppressedError ? error.suppressed : error)).toContain("no power");
  expect(closing?.aborted).toBe(true);
});
