import { call, contract } from "ashlar/contract";
import { implement, openServices, system } from "ashlar/service";
import { z } from "zod";

import { median, type Figure, type Row } from "../frame.ts";

const input = z.object({ id: z.string() });
const item = z.object({ sku: z.string(), quantity: z.number() });
const output = z.object({ id: z.string(), state: z.string(), total: z.number(), items: z.array(item) });

function answer(id: string): z.output<typeof output> {
  const items = [
    { sku: "a", quantity: 2 },
    { sku: "b", quantity: 1 },
  ];
  return { id, state: "paid", total: 41.5, items };
}

const orders = contract("orders", { calls: { get: call({ input, output, semantics: "safe" }) } });
const ordersService = implement(orders)({ calls: { get: ({ input: { id } }) => answer(id) } });

/** Microseconds of one call, one at a time: median of seven rounds behind two to warm up. */
async function microseconds(run: (id: string) => Promise<unknown>, count: number): Promise<number> {
  const rounds: number[] = [];
  for (let round = 0; round < 9; round++) {
    const startedMs = performance.now();
    for (let index = 0; index < count; index++) await run("1029");
    if (round >= 2) rounds.push(((performance.now() - startedMs) * 1_000) / count);
  }
  return median(rounds);
}

const figure = (name: string, value: number): Figure => ({ name, durability: "memory", value });

async function moleculer(): Promise<Figure> {
  const { ServiceBroker } = await import("moleculer");
  const broker = new ServiceBroker({
    logger: false,
    metrics: { enabled: true },
    tracing: { enabled: true },
    circuitBreaker: { enabled: true },
    retryPolicy: { enabled: true },
    bulkhead: { enabled: true },
    requestTimeout: 5_000,
  });
  const handler = (context: { params: { id: string } }): unknown => answer(context.params.id);
  broker.createService({ name: "orders", actions: { get: { params: { id: "string" }, handler } } });
  await broker.start();
  const value = await microseconds((id) => broker.call("orders.get", { id }), 20_000);
  await broker.stop();
  return figure("Moleculer 0.15 local", value);
}

async function trpc(): Promise<Figure> {
  const { initTRPC } = await import("@trpc/server");
  const t = initTRPC.create();
  const get = t.procedure
    .input(input)
    .output(output)
    .query(({ input: { id } }) => answer(id));
  const caller = t.createCallerFactory(t.router({ get }))({});
  return figure("tRPC 11 caller, same schemas", await microseconds((id) => caller.get({ id }), 50_000));
}

async function effect(): Promise<Figure> {
  const { Context, Effect, Layer, ManagedRuntime } = await import("effect");
  class Orders extends Context.Service<Orders, { get: (id: string) => ReturnType<typeof Effect.sync> }>()("Orders") {}
  const live = Layer.succeed(Orders, { get: (id: string) => Effect.sync(() => answer(id)) });
  const runtime = ManagedRuntime.make(live);
  const program = (id: string) =>
    Effect.gen(function* () {
      const service = yield* Orders;
      return yield* service.get(id);
    });
  return figure(
    "Effect 4.1, generator and service",
    await microseconds((id) => runtime.runPromise(program(id)), 50_000),
  );
}

export const embedded: Row = {
  path: "embedded call, all guards",
  better: "lower",
  unit: "us",
  bar: 1.5,
  limitName: "us, async function with the same two schemas",
  async ours() {
    await using running = await openServices(system("bench", { services: [ordersService] }));
    const client = running.client(orders);
    return figure("Ashlar, all guards", await microseconds((id) => client.get({ id }), 200_000));
  },
  async limit() {
    const direct = async (id: string): Promise<z.output<typeof output>> => answer(id);
    const run = async (id: string): Promise<unknown> => output.parse(await direct(input.parse({ id }).id));
    return figure("async function + zod", await microseconds(run, 200_000));
  },
  rivals: [moleculer, trpc, effect],
};
