// One server in a process of its own: the same small answer with one parameter of the path and one of the query.
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

const [side] = process.argv.slice(2);

function answer(id: string): object {
  return { id, state: "paid", total: 41.5, items: [{ sku: "a", quantity: 2 }] };
}

async function ashlar(): Promise<number> {
  const { call, contract } = await import("ashlar/contract");
  const { openHttpServer } = await import("ashlar/http");
  const { implement, openServices, system } = await import("ashlar/service");
  const { z } = await import("zod");
  const item = z.object({ sku: z.string(), quantity: z.number() });
  const orders = contract("orders", {
    calls: {
      get: call({
        input: z.object({ id: z.string(), limit: z.int() }),
        output: z.object({ id: z.string(), state: z.string(), total: z.number(), items: z.array(item) }),
        semantics: "safe",
        http: "GET /orders/{id}",
      }),
    },
  });
  const service = implement(orders)({ calls: { get: ({ input }) => answer(input.id) as never } });
  const running = await openServices(system("bench", { services: [service] }));
  const server = await openHttpServer({ contracts: [orders], dispatcher: running.dispatcher });
  return Number(new URL(server.url).port);
}

async function fastify(): Promise<number> {
  const { fastify } = await import("fastify");
  const app = fastify();
  const schema = {
    querystring: { type: "object", properties: { limit: { type: "integer" } } },
    response: {
      200: {
        type: "object",
        properties: {
          id: { type: "string" },
          state: { type: "string" },
          total: { type: "number" },
          items: {
            type: "array",
            items: { type: "object", properties: { sku: { type: "string" }, quantity: { type: "number" } } },
          },
        },
      },
    },
  };
  app.get("/orders/:id", { schema }, async (request) => answer((request.params as { id: string }).id));
  await app.listen({ port: 0, host: "127.0.0.1" });
  return (app.server.address() as AddressInfo).port;
}

async function hono(): Promise<number> {
  const { Hono } = await import("hono");
  const { serve } = await import("@hono/node-server");
  const app = new Hono();
  app.get("/orders/:id", (context) => context.json(answer(context.req.param("id"))));
  return await new Promise((resolve) =>
    serve({ fetch: app.fetch, port: 0, hostname: "127.0.0.1" }, ({ port }) => resolve(port)),
  );
}

async function moleculer(): Promise<number> {
  const { ServiceBroker } = await import("moleculer");
  const { default: gateway } = await import("moleculer-web");
  const broker = new ServiceBroker({ logger: false });
  broker.createService({
    name: "api",
    mixins: [gateway],
    settings: { port: 0, ip: "127.0.0.1", routes: [{ path: "/", aliases: { "GET orders/:id": "orders.get" } }] },
  });
  const handler = (context: { params: { id: string } }): object => answer(context.params.id);
  broker.createService({ name: "orders", actions: { get: { params: { id: "string" }, handler } } });
  await broker.start();
  const api = broker.getLocalService("api") as unknown as { server: ReturnType<typeof createServer> };
  return (api.server.address() as AddressInfo).port;
}

async function node(): Promise<number> {
  const server = createServer((request, response) => {
    const path = (request.url ?? "").split("?")[0] ?? "";
    const body = JSON.stringify(answer(path.slice("/orders/".length)));
    const headers = { "content-type": "application/json", "content-length": Buffer.byteLength(body) };
    response.writeHead(200, headers).end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return (server.address() as AddressInfo).port;
}

const sides: Readonly<Record<string, () => Promise<number>>> = { ashlar, fastify, hono, moleculer, node };

let before = process.cpuUsage();
process.on("message", (message) => {
  if (message === "start") {
    before = process.cpuUsage();
    process.send?.("started");
  } else {
    const { user, system } = process.cpuUsage(before);
    process.send?.(user + system);
  }
});
const listen = sides[side ?? ""];
if (listen === undefined) throw new Error(`no side ${side}`);
process.send?.(await listen());
