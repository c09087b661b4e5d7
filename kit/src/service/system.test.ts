import { expect, test } from "vitest";
import { z } from "zod";
import { call, contract, event, queue } from "../contract/mod.ts";
import { openMemoryEngine } from "../engine/memory/mod.ts";
import { ConfigError } from "../errors/mod.ts";
import { engineToken, provide } from "./engine-token.ts";
import { SystemError } from "./errors.ts";
import { implement } from "./implement.ts";
import { openServices } from "./open-services.ts";
import { startOrder } from "./start-order.ts";
import { system, type SystemOptions } from "./system.ts";

const nothing = z.looseObject({});

function getter(http: string): ReturnType<typeof call<typeof nothing, typeof nothing>> {
  return call({ input: nothing, output: nothing, semantics: "safe", http });
}

const get = getter("GET /things/{id}");
const things = contract("things", { calls: { get } });
const others = contract("others", { calls: { find: getter("GET /things/{name}") } });
const handle = (): Record<string, unknown> => ({});
const thingsService = implement(things)({ calls: { get: handle } });
const first = engineToken("first");
const second = engineToken("second");
const openMemory = (): ReturnType<typeof openMemoryEngine> => openMemoryEngine();

function faults(options: SystemOptions): string[] {
  try {
    system("small", options);
    return [];
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
    return error.faults.map(({ message }) => message);
  }
}

test("every fault is told at once, each with the file that declared it", () => {
  const missing = implement(others)({ needs: { stock: contract("stock", { version: 2 }) }, calls: { find: handle } });
  try {
    system("small", { services: [thingsService, thingsService, missing] });
    expect.unreachable();
  } catch (error) {
    expect(error).toBeInstanceOf(SystemError);
    const { faults, message } = error as SystemError;
    expect(faults.map((fault) => fault.message)).toEqual([
      "things@1 is implemented twice, first at " + thingsService.declaredAt,
      "others@1 needs stock, but nobody implements stock@2",
      "things@1.get and things@1.get both answer GET /things/{id}",
      "others@1.find and things@1.get both answer GET /things/{name}",
    ]);
    expect(message).toContain("small has 4 faults:\n  - things@1");
    for (const { declaredAt } of faults) expect(declaredAt).toMatch(/system\.test\.ts:\d+$/);
  }
});

test("two versions of a contract run side by side", () => {
  const newer = contract("things", { version: 2, calls: { get: getter("GET /v2/things/{id}") } });
  expect(faults({ services: [thingsService, implement(newer)({ calls: { get: handle } })] })).toEqual([]);
});

test("engines are provided once, stand on what is provided, and not in a circle", () => {
  const keeps = contract("keeps", {
    calls: { take: call({ input: nothing, output: nothing, semantics: "keyed" }) },
    events: { taken: event({ data: nothing }) },
    queues: { later: queue({ input: nothing }) },
  });
  const parts = { calls: { take: handle }, queues: { later: () => undefined } };
  expect(faults({ services: [implement(keeps)(parts)] })).toEqual([
    "keeps@1 names no engine, but has to keep the keyed call take, the event taken, the queue later",
  ]);
  const service = implement(keeps)({ engine: first, ...parts });
  expect(faults({ services: [service] })).toEqual(["keeps@1 needs the engine first, which nobody provides"]);
  const circle = [
    provide(first, { needs: [second], open: openMemory }),
    provide(second, { needs: [first], open: openMemory }),
  ];
  expect(faults({ services: [service], engines: circle })).toEqual([
    "engines in a circle: first needs second needs first",
  ]);
  const twice = [provide(first, { open: openMemory }), provide(first, { needs: [second], open: openMemory })];
  expect(faults({ services: [service], engines: twice })).toEqual([
    "the engine first is provided twice",
    "the engine first needs second, which nobody provides",
  ]);
});

test("groups and targets name what exists", () => {
  const groups = { core: ["things", "nobody"], edge: ["things"] };
  const targets = { "things.get": { p95Ms: 5 }, "things.put": { p95Ms: 5 } };
  expect(faults({ services: [thingsService], groups, targets })).toEqual([
    "the group core names nobody, which is no service",
    "things is in two groups, core and edge",
    "a target names things.put, which no service offers",
  ]);
});

test("a handler that is missing or belongs to nothing is refused when the module is loaded", () => {
  expect(() => implement(things)({})).toThrow(ConfigError);
  expect(() => implement(things)({ calls: { get: handle, put: handle } as never })).toThrow("things@1: calls.put");
  const needs = { others };
  expect(() => implement(things)({ needs, calls: { get: handle }, on: { others: { sold: handle } } })).toThrow(
    "things@1: on.others.sold",
  );
});

test("services start after those they need, and a circle of needs starts in the order of the system", () => {
  const a = contract("a", {});
  const b = contract("b", {});
  const c = contract("c", {});
  const services = [implement(a)({ needs: { b } }), implement(b)({ needs: { c } }), implement(c)({ needs: { b } })];
  expect(startOrder(services).map(({ contract }) => contract.name)).toEqual(["c", "b", "a"]);
});

test("an engine is opened once for all who need it, after those it stands on, and closed before them", async () => {
  const opened: string[] = [];
  const log = (name: string) => async (): ReturnType<typeof openMemoryEngine> => {
    opened.push(name);
    return await openMemoryEngine();
  };
  const engines = [
    provide(second, { needs: [first], open: log("second") }),
    provide(first, { open: log("first") }),
    provide(engineToken("unused"), { open: log("unused") }),
  ];
  const one = implement(things)({ engine: second, calls: { get: ({ engine }) => ({ engine: engine.can.engine }) } });
  await using running = await openServices(system("small", { services: [one], engines }));
  expect(opened).toEqual(["first", "second"]);
  expect([...running.engines.keys()]).toEqual(["first", "second"]);
});

test("a service that names no engine and asks for one is told what to write", async () => {
  const lines: unknown[] = [];
  const service = implement(things)({ calls: { get: ({ engine }) => ({ engine: engine.can }) } });
  await using running = await openServices(system("small", { services: [service] }), {
    log: (line) => lines.push(line),
  });
  await expect(running.client(things).get({})).rejects.toMatchObject({ code: "FAULT" });
  expect(lines[0]).toMatchObject({
    error: { message: expect.stringContaining("an engine token, because can is used") },
  });
});

test("when a service cannot be opened, those before it are closed again", async () => {
  const closed: string[] = [];
  const one = implement(things)({
    open({ resources }) {
      resources.defer(() => void closed.push("things"));
    },
    calls: { get: handle },
  });
  const two = implement(contract("second", {}))({
    needs: { things },
    open: () => {
      throw new Error("no disk");
    },
  });
  await expect(openServices(system("small", { services: [two, one] }))).rejects.toThrow("no disk");
  expect(closed).toEqual(["things"]);
});

test("only some services run here when there is a way to the others", async () => {
  const one = implement(contract("user", {}))({ needs: { things } });
  const small = system("small", { services: [one, thingsService] });
  await expect(openServices(small, { only: ["user"] })).rejects.toThrow("things too, which user needs");
  await expect(openServices(small, { only: ["nobody"] })).rejects.toThrow("one of user, things");
  await using running = await openServices(small, { only: ["things"] });
  expect(running.services).toEqual([{ service: "things@1", state: "serving", callsInFlight: 0 }]);
});
