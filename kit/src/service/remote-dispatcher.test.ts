import { getEventListeners } from "node:events";
import { expect, test } from "vitest";
import { z } from "zod";
import type { Endpoint } from "../balancer/mod.ts";
import { type ManualClock, manualClock } from "../clock/mod.ts";
import { call, contract, contractHash, type FeedPage, stream } from "../contract/mod.ts";
import type { Engine } from "../engine/mod.ts";
import { openMemoryEngine } from "../engine/memory/mod.ts";
import { idSource, seededRandom } from "../random/mod.ts";
import { fixedDirectory } from "../registry/mod.ts";
import { type Link, LinkError, type Links, operationAddress, type ReplyMessage, type RequestMessage } from "./link.ts";
import { openServices, type OpenServices } from "./open-services.ts";
import { type RemoteDispatcher, remoteDispatcher } from "./remote-dispatcher.ts";
import { type RequestServer, serveRequests } from "./serve-requests.ts";
import { mainEngine, orders, stock, stockService, testSystem, testTrace, type Trace } from "./shop.test-system.ts";
import { provide } from "./engine-token.ts";
import { implement } from "./implement.ts";
import type { LogLine } from "./log.ts";
import { system } from "./system.ts";

type World = {
  readonly clock: ManualClock;
  readonly trace: Trace;
  /** The process with the stock, and the one with the orders. */
  readonly stocks: OpenServices;
  readonly orders: OpenServices;
  readonly remote: RemoteDispatcher;
  readonly server: RequestServer;
  /** What a link does before or instead of carrying a message; by address. */
  readonly faults: Map<string, (message: RequestMessage, signal?: AbortSignal) => Promise<ReplyMessage> | undefined>;
  readonly sent: string[];
  readonly tell: (endpoints: readonly Endpoint[]) => void;
};

const both: readonly Endpoint[] = [
  { id: "stock-1", address: "one" },
  { id: "stock-2", address: "two" },
];

async function withProcesses(
  run: (world: World) => Promise<void>,
  { first = both, patienceMs = 0 }: { readonly first?: readonly Endpoint[]; readonly patienceMs?: number } = {},
): Promise<void> {
  const clock = manualClock();
  const random = seededRandom("remote");
  const nextId = idSource({ clock, random });
  const trace = testTrace();
  const small = testSystem(trace);
  const stocks = await openServices(small, { only: ["stock"], clock, random });
  const server = serveRequests(small.services, stocks.local, {
    nextId,
    hashOf: contractHash,
    closing: new AbortController().signal,
  });
  const faults: World["faults"] = new Map();
  const sent: string[] = [];
  const links: Links = (address) => linkTo(server, { address, faults, sent });
  const listeners = new Set<(endpoints: readonly Endpoint[]) => void>();
  let known = first;
  const directory = {
    follow(service: string, told: (endpoints: readonly Endpoint[]) => void) {
      if (service === "stock@1") listeners.add(told);
      told(service === "stock@1" ? known : []);
      return { [Symbol.dispose]: () => void listeners.delete(told) };
    },
  };
  const remote = remoteDispatcher({ directory, links, clock, random, nextId, patienceMs });
  const ordersProcess = await openServices(small, { only: ["orders"], elsewhere: remote, clock, random, graceMs: 0 });
  const tell = (endpoints: readonly Endpoint[]): void => {
    known = endpoints;
    for (const told of listeners) told(endpoints);
  };
  try {
    await run({ clock, trace, stocks, orders: ordersProcess, remote, server, faults, sent, tell });
  } finally {
    const closed = Promise.all([ordersProcess[Symbol.asyncDispose](), stocks[Symbol.asyncDispose]()]);
    await clock.advance(120_000);
    await closed;
    remote[Symbol.dispose]();
  }
}

function linkTo(server: RequestServer, way: { address: string } & Pick<World, "faults" | "sent">): Link {
  const copied = <T>(value: T): T => JSON.parse(JSON.stringify(value)) as T;
  return {
    async call(message, { signal, withinMs }) {
      way.sent.push(`${way.address} ${message.to.kind} ${message.to.name}`);
      const instead = way.faults.get(way.address)?.(message, signal);
      if (instead !== undefined) return await instead;
      const incoming = { withinMs, signal: signal ?? new AbortController().signal };
      return copied(await server.call(copied(message), incoming));
    },
    stream: (message, { signal = new AbortController().signal }) =>
      server.stream(copied(message), { withinMs: Infinity, signal }),
  };
}

const lost = (): Promise<never> => Promise.reject(new LinkError("lost", "cut"));
const unsent = (): Promise<never> => Promise.reject(new LinkError("not sent", "refused"));

test("a call, a stream of events and its subscription go to another process and back", async () => {
  await withProcesses(async ({ orders: here, trace, clock }) => {
    expect(await here.client(orders).place({ sku: "tea" })).toEqual({ left: 4 });
    await clock.advance(30_000);
    expect(trace.told).toEqual(["stock@1/1 tea 1"]);
  });
});

test("declared errors, invalid inputs and faults arrive as what they are", async () => {
  await withProcesses(async ({ orders: here }) => {
    const client = here.client(stock);
    await expect(client.take({ sku: "tea", quantity: 9 })).rejects.toMatchObject({
      failure: "outOfStock",
      data: { left: 5 },
    });
    await expect(client.take({ sku: "tea", quantity: 0 })).rejects.toMatchObject({ issues: [{ path: "quantity" }] });
    await expect(here.client(orders).place({ sku: "tea", quantity: 9 })).rejects.toMatchObject({ failure: "refused" });
  });
});

test("what was not sent is tried on another instance, whatever the call", async () => {
  await withProcesses(async ({ orders: here, faults, sent, clock }) => {
    const unsentCalls = (message: RequestMessage): Promise<never> | undefined =>
      message.to.kind === "call" ? unsent() : undefined;
    faults.set("one", unsentCalls);
    for (let count = 0; count < 8; count++) expect(await here.client(stock).count({ sku: "tea" })).toEqual({ left: 5 });
    expect(sent.filter((message) => message.startsWith("one call"))).not.toEqual([]);
    faults.set("two", unsentCalls);
    const refused = here.client(stock).count({ sku: "tea" });
    await expect(refused).rejects.toMatchObject({ code: "UNAVAILABLE", retryable: true });
    await clock.settle();
  });
});

test("a call goes to three instances at most, to each of them once", async () => {
  const many = Array.from({ length: 5 }, (_, place) => ({ id: `stock-${place}`, address: `${place}` }));
  await withProcesses(
    async ({ orders: here, faults, sent }) => {
      for (const { address } of many)
        faults.set(address, (message) => (message.to.kind === "call" ? lost() : undefined));
      await expect(here.client(stock).count({ sku: "tea" })).rejects.toMatchObject({ code: "OUTCOME_UNKNOWN" });
      const calls = sent.filter((message) => message.endsWith("call count"));
      expect([calls.length, new Set(calls).size]).toEqual([3, 3]);
    },
    { first: many },
  );
});

test("what may have happened is repeated under one key where that is allowed, and happens once", async () => {
  await withProcesses(async ({ orders: here, faults, trace, server }) => {
    // The answers of both are lost, once each, after the work was done.
    for (const address of ["one", "two"])
      faults.set(address, (message) => {
        if (message.to.kind !== "call") return undefined;
        faults.delete(address);
        const incoming = { withinMs: 1_000, signal: new AbortController().signal };
        return server.call(message, incoming).then(lost);
      });
    expect(await here.client(stock).take({ sku: "tea", quantity: 2 })).toEqual({ left: 3 });
    expect(trace.takes).toBe(1);
  });
});

test("a call whose first answer was lost stays in doubt when nobody can be reached afterwards", async () => {
  await withProcesses(async ({ orders: here, faults, sent, clock }) => {
    let calls = 0;
    for (const address of ["one", "two"])
      faults.set(address, (message) => {
        if (message.to.kind !== "call") return undefined;
        return (calls += 1) === 1 ? lost() : unsent();
      });
    const taken = here
      .client(stock)
      .take({ sku: "tea", quantity: 2 })
      .catch((error: unknown) => error);
    await clock.advance(60_000);
    expect(await taken).toMatchObject({ code: "OUTCOME_UNKNOWN", retryable: true });
    expect(sent.filter((message) => message.endsWith("call take")).length).toBeGreaterThan(1);
  });
});

test("an unsafe call whose answer is lost is not repeated", async () => {
  const bell = contract("bell", { calls: { ring: call({ input: z.object({}), output: z.object({}) }) } });
  const clock = manualClock();
  const random = seededRandom("unsafe");
  let attempts = 0;
  const link = { call: () => (attempts++, lost()), stream: () => expect.unreachable() };
  const directory = {
    follow: (_: string, told: (endpoints: readonly Endpoint[]) => void) => {
      told(both);
      return { [Symbol.dispose]: () => undefined };
    },
  };
  const nextId = idSource({ clock, random });
  using remote = remoteDispatcher({ directory, links: () => link, clock, random, nextId });
  const user = contract("user", { calls: { ring: call({ input: z.object({}), output: z.object({}) }) } });
  const ringing = implement(user)({ needs: { bell }, calls: { ring: ({ needs }) => needs.bell.ring({}) } });
  const bells = implement(bell)({ calls: { ring: () => ({}) } });
  const small = system("small", { services: [ringing, bells] });
  await using here = await openServices(small, { only: ["user"], elsewhere: remote, clock });
  await expect(here.client(bell).ring({})).rejects.toMatchObject({ code: "OUTCOME_UNKNOWN", retryable: false });
  expect(attempts).toBe(1);
});

test("retries are a part of the calls, however many fail", async () => {
  await withProcesses(async ({ orders: here, faults, sent }) => {
    for (const address of ["one", "two"])
      faults.set(address, (message) => (message.to.kind === "call" ? unsent() : undefined));
    const calls = 100;
    for (let count = 0; count < calls; count++)
      await here
        .client(stock)
        .count({ sku: "tea" })
        .catch(() => undefined);
    const attempts = sent.filter((message) => message.endsWith("call count")).length;
    expect(attempts).toBeGreaterThan(calls);
    expect(attempts).toBeLessThanOrEqual(calls * 1.2 + 10);
  });
});

test("a call waits a while for a first instance, and says in the end that there is none", async () => {
  await withProcesses(
    async ({ orders: here, clock, tell }) => {
      const early = here.client(stock).count({ sku: "tea" });
      await clock.advance(1_000);
      tell(both);
      expect(await early).toEqual({ left: 5 });
      tell([]);
      const late = here
        .client(stock)
        .count({ sku: "tea" })
        .catch((error: unknown) => error);
      await clock.advance(10_000);
      expect(await late).toMatchObject({ code: "UNAVAILABLE", reason: "no process that runs it is known" });
    },
    { first: [], patienceMs: 5_000 },
  );
});

test("a deadline that is shorter than the patience ends a call as not done", async () => {
  await withProcesses(
    async ({ orders: here, clock }) => {
      const call = here
        .client(stock)
        .count({ sku: "tea" }, { withinMs: 1_100 })
        .catch((error: unknown) => `${(error as { code: string }).code} ${clock.monotonic()}`);
      await clock.advance(2_000);
      expect(await call).toBe("UNAVAILABLE 1100");
    },
    { first: [], patienceMs: 5_000 },
  );
});

test("while nobody can be reached, a call waits for a process that restarts, and is lost to nobody", async () => {
  await withProcesses(
    async ({ orders: here, faults, clock, trace }) => {
      const refuse = (message: RequestMessage): Promise<never> | undefined =>
        message.to.kind === "call" ? unsent() : undefined;
      for (const address of ["one", "two"]) faults.set(address, refuse);
      const waiting = here.client(stock).take({ sku: "tea", quantity: 1 });
      await clock.advance(1_000);
      faults.clear();
      await clock.advance(500);
      expect(await waiting).toEqual({ left: 4 });
      expect(trace.takes).toBe(1);
      for (const address of ["one", "two"]) faults.set(address, refuse);
      const given = here
        .client(stock)
        .count({ sku: "tea" })
        .catch((error: unknown) => error);
      await clock.advance(6_000);
      expect(await given).toMatchObject({ code: "UNAVAILABLE" });
    },
    { patienceMs: 5_000 },
  );
});

test("an abort and a deadline release the caller while an instance is silent", async () => {
  await withProcesses(async ({ orders: here, faults, clock }) => {
    const controller = new AbortController();
    const reason = new Error("gave up");
    await expect(here.client(stock).count({ sku: "tea" }, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    for (const address of ["one", "two"])
      faults.set(address, (message) => (message.to.kind === "call" ? unsent() : undefined));
    const late = here.client(stock).count({ sku: "tea" }, { withinMs: 5, signal: controller.signal });
    await expect(late).rejects.toMatchObject({ code: "UNAVAILABLE" });
    await clock.settle();
  });
});

test("who calls with another contract is counted, and still answered", async () => {
  await withProcesses(async ({ server }) => {
    const incoming = { withinMs: 1_000, signal: new AbortController().signal };
    const to = operationAddress({ kind: "call", contract: "stock@1", name: "count", hash: "old" });
    const message = { to, input: { sku: "tea" } };
    expect(await server.call(message, incoming)).toEqual({ ok: true, output: { left: 5 } });
    expect([...server.outdated]).toEqual([["stock@1 old", 1]]);
    const elsewhere = await server.call({ ...message, to: { ...to, contract: "carts@1" } }, incoming);
    expect(elsewhere).toEqual({ ok: false, error: { code: "UNAVAILABLE", reason: "carts@1.count is not here" } });
    expect(await server.call({ ...message, to: { ...to, name: "toString" } }, incoming)).toMatchObject({ ok: false });
  });
});

test("a call that has a signal of its own still ends with the one that it is part of", async () => {
  await withProcesses(async ({ orders: here, faults, clock }) => {
    const parent = new AbortController();
    const own = new AbortController();
    const request = { input: { sku: "tea" }, signal: own.signal, parent: { signal: parent.signal } };
    const seen: AbortSignal[] = [];
    for (const address of ["one", "two"])
      faults.set(address, (message, signal) => {
        if (message.to.kind !== "call" || signal === undefined) return undefined;
        seen.push(signal);
        return new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason as Error)));
      });
    const call = here.dispatcher
      .call(
        stock,
        "count",
      )(request)
      .catch((error: unknown) => error);
    await clock.settle();
    const reason = new Error("the whole is given up");
    parent.abort(reason);
    await clock.settle();
    expect(seen.map(({ aborted }) => aborted)).toEqual([true]);
    expect(await call).toBe(reason);
    expect(getEventListeners(parent.signal, "abort")).toHaveLength(0);
    expect(getEventListeners(own.signal, "abort")).toHaveLength(0);
  });
});

test("a stream whose server is silent is given up at the time of its first item", async () => {
  const silent = contract("silent", { streams: { ticks: stream({ input: z.object({}), output: z.object({}) }) } });
  const clock = manualClock();
  const random = seededRandom("silent");
  const link: Link = {
    call: () => expect.unreachable(),
    async *stream(_, { signal }) {
      await new Promise((__, reject) => signal?.addEventListener("abort", () => reject(signal.reason as Error)));
      yield {};
    },
  };
  const directory = fixedDirectory({ "silent@1": both });
  const nextId = idSource({ clock, random });
  using remote = remoteDispatcher({ directory, links: () => link, clock, random, nextId });
  const ends = [{}, { withinMs: 20 }].map((settings) =>
    Array.fromAsync(remote.stream(silent, "ticks")({ input: {}, ...settings })).catch((error: unknown) => error),
  );
  await clock.advance(20);
  expect(await ends[1]).toMatchObject({ code: "TIMEOUT", afterMs: 20 });
  await clock.advance(10_000);
  expect(await ends[0]).toMatchObject({ code: "TIMEOUT", afterMs: 10_000 });
});

test("events that cannot be read are a fault whose reference is in the publisher's log", async () => {
  const clock = manualClock();
  const lines: LogLine[] = [];
  const well = await openMemoryEngine({ clock });
  const broken: Engine = Object.assign(Object.create(well) as Engine, {
    can: well.can,
    clock: well.clock,
    read: () => Promise.reject(new Error("secret: disk full")),
    bell: () => ({ [Symbol.dispose]: () => undefined }),
    [Symbol.asyncDispose]: () => well[Symbol.asyncDispose](),
  });
  const small = system("small", {
    services: [stockService(testTrace(), new Map())],
    engines: [provide(mainEngine, { open: () => Promise.resolve(broken) })],
  });
  await using here = await openServices(small, { clock, log: (line) => void lines.push(line) });
  const parts = { nextId: () => "id", hashOf: contractHash, closing: new AbortController().signal };
  const server = serveRequests(small.services, here.local, parts);
  const to = operationAddress({ kind: "feed", contract: "stock@1", name: "", hash: "h" });
  const incoming = { withinMs: 1_000, signal: new AbortController().signal };
  const reply = await server.call({ to, input: { after: 0, limit: 10, waitMs: 0 } }, incoming);
  const { error } = reply as Extract<ReplyMessage, { ok: false }>;
  expect(error).toMatchObject({ code: "FAULT", reference: expect.any(String) });
  expect(lines).toMatchObject([
    { level: "error", service: "stock@1", reference: (error as { reference: string }).reference },
  ]);
});

test("a subscriber does not run hot on a publisher that answers at once and has nothing", async () => {
  const clock = manualClock();
  let asked = 0;
  const feed = (): Promise<FeedPage> => {
    if (++asked > 100) return new Promise(() => undefined);
    return Promise.resolve({ events: [], through: 0, head: 0 });
  };
  const elsewhere = { feed: () => feed, call: () => feed, stream: () => feed, queue: () => feed } as never;
  await using _ = await openServices(testSystem(testTrace()), { only: ["orders"], elsewhere, clock, graceMs: 0 });
  await clock.advance(10_000);
  expect(asked).toBeLessThanOrEqual(12);
});
