import { z } from "zod";
import { type AnyContract, call, contract, event, failure, queue, stream } from "../contract/mod.ts";
import { openMemoryEngine } from "../engine/memory/mod.ts";
import {
  engineToken,
  implement,
  type Implementation,
  openServices,
  type OpenServices,
  provide,
  system,
} from "../service/mod.ts";

const Order = z.object({ id: z.string(), quantity: z.int(), revision: z.int() });

/** A contract with one of each kind. */
export const orders = contract("orders", {
  owner: "team checkout",
  responsibilities: ["Takes orders <and> more."],
  calls: {
    get: call({
      input: z.object({ id: z.string() }),
      output: Order,
      errors: { unknownOrder: failure({ title: "No such order", status: 404, data: z.object({ id: z.string() }) }) },
      semantics: "safe",
      http: { route: "GET /orders/{id}", etag: "revision" },
    }),
    list: call({
      input: z.strictObject({
        limit: z.int().min(1).max(100).default(20),
        open: z.boolean().optional(),
        tags: z.array(z.string()).optional(),
      }),
      output: z.object({ limit: z.int(), open: z.boolean().optional(), tags: z.array(z.string()).optional() }),
      semantics: "safe",
      http: "GET /orders",
    }),
    place: call({
      summary: "Places an order.",
      input: z.strictObject({ quantity: z.int().min(1), items: z.array(z.object({ sku: z.string() })).optional() }),
      output: Order,
      semantics: "keyed",
      http: { route: "POST /orders", status: 201, location: "/orders/{id}" },
    }),
    change: call({
      input: z.object({ id: z.string(), revision: z.string(), quantity: z.int() }),
      output: Order,
      semantics: "idempotent",
      http: { route: "PUT /orders/{id}", ifMatch: "revision" },
    }),
    remove: call({
      input: z.object({ id: z.string() }),
      output: z.undefined(),
      semantics: "idempotent",
      http: { route: "DELETE /orders/{id}", status: 204 },
    }),
    clerk: call({ input: z.object({}), output: z.object({}), access: { roles: ["clerk"] }, http: "POST /clerk" }),
    often: call({
      input: z.object({}),
      output: z.object({}),
      rateLimit: { perSecond: 0.1, burst: 1 },
      http: "POST /often",
    }),
    broken: call({ input: z.object({}), output: z.object({}), http: "POST /broken" }),
    slow: call({ input: z.object({}), output: z.object({}), deadlineMs: 30, http: "POST /slow" }),
    inside: call({ input: z.object({}), output: z.object({}) }),
  },
  streams: {
    count: stream({
      input: z.object({ to: z.int().max(1_000_000) }),
      output: z.object({ n: z.int() }),
      errors: { tooFar: failure({ title: "too far", data: z.object({}) }) },
      http: "GET /count",
    }),
  },
  events: { placed: event({ data: Order, key: "id" }) },
  queues: { ship: queue({ input: z.object({ id: z.string() }) }) },
});

/** All contracts of the test. */
export const contracts: readonly AnyContract[] = [orders];

const main = engineToken("main");

function service(streamEnds: string[]): Implementation {
  return implement(orders)({
    engine: main,
    calls: {
      get({ input, fail }) {
        if (input.id === "none") throw fail.unknownOrder({ id: input.id });
        return { id: input.id, quantity: 1, revision: 7 };
      },
      list: ({ input }) => input,
      place: ({ input }) => ({ id: "a b", quantity: input.quantity, revision: 1 }),
      change: ({ input }) => ({ id: input.id, quantity: input.quantity, revision: Number(input.revision) + 1 }),
      remove: () => undefined,
      clerk: () => ({}),
      often: () => ({}),
      broken() {
        throw new Error("secret");
      },
      async slow({ signal }) {
        await new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason as Error)));
        return {};
      },
      inside: () => ({}),
    },
    streams: {
      async *count({ input, fail, signal }) {
        try {
          if (input.to < 0) throw fail.tooFar({});
          for (let n = 1; n <= input.to && !signal.aborted; n++) yield { n };
        } finally {
          streamEnds.push("ended");
        }
      },
    },
    queues: { ship: () => undefined },
  });
}

/** The services, in this process. */
export function openOrders(streamEnds: string[] = []): Promise<OpenServices> {
  const engines = [provide(main, { open: () => openMemoryEngine() })];
  return openServices(system("shop", { services: [service(streamEnds)], engines }));
}
