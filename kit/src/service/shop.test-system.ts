import { z } from "zod";
import { call, contract, event, failure, isFailure, queue, stream } from "../contract/mod.ts";
import { openMemoryEngine } from "../engine/memory/mod.ts";
import { engineToken, provide } from "./engine-token.ts";
import { implement, type Implementation } from "./implement.ts";
import { system, type System } from "./system.ts";

/** A small system for tests: orders need stock; stock tells what it took. */
export const stock = contract("stock", {
  calls: {
    take: call({
      input: z.strictObject({ sku: z.string(), quantity: z.int().min(1) }),
      output: z.object({ left: z.int() }),
      errors: {
        outOfStock: failure({ title: "too few", data: z.object({ left: z.int() }) }),
        tooBusy: failure({ title: "not now", data: z.object({}), retry: "can help", status: 503 }),
      },
      semantics: "keyed",
    }),
    count: call({ input: z.object({ sku: z.string() }), output: z.object({ left: z.int() }), semantics: "safe" }),
  },
  events: { taken: event({ data: z.object({ sku: z.string(), quantity: z.int() }), key: "sku" }) },
});

export const orders = contract("orders", {
  calls: {
    place: call({
      input: z.object({ sku: z.string(), quantity: z.int().default(1) }),
      output: z.object({ left: z.int() }),
      errors: { refused: failure({ title: "refused", data: z.object({ why: z.string() }) }) },
    }),
    slow: call({ input: z.object({}), output: z.object({}), deadlineMs: 100 }),
    heard: call({
      input: z.object({}),
      output: z.object({ through: z.int(), waiting: z.int(), dead: z.int() }),
      semantics: "safe",
    }),
    broken: call({ input: z.object({}), output: z.object({ id: z.string() }) }),
    guarded: call({
      input: z.object({}),
      output: z.object({}),
      access: { roles: ["clerk"] },
      rateLimit: { perSecond: 1, burst: 2 },
    }),
  },
  streams: {
    count: stream({ input: z.object({ to: z.int() }), output: z.object({ n: z.int() }), deadlineMs: 1_000 }),
  },
  queues: { ship: queue({ input: z.object({ id: z.string() }), key: "id", attemptsMax: 3 }) },
});

export interface Trace {
  readonly shipped: string[];
  readonly told: string[];
  takes: number;
  slowSignal: AbortSignal | undefined;
  shipFaults: number;
}

export const mainEngine: ReturnType<typeof engineToken> = engineToken("main");

export function stockService(trace: Trace, levels: Map<string, number>): Implementation {
  return implement(stock)({
    engine: mainEngine,
    calls: {
      async take({ input, fail, commit, emit }) {
        trace.takes++;
        const left = (levels.get(input.sku) ?? 0) - input.quantity;
        if (input.sku === "busy") throw fail.tooBusy({});
        if (left < 0) throw fail.outOfStock({ left: left + input.quantity });
        levels.set(input.sku, left);
        const end = await commit({ output: { left }, changes: [emit.taken(input)] });
        if (!end.committed) throw new Error(`refused: ${end.refusal.kind}`);
        return end.output;
      },
      count: ({ input }) => ({ left: levels.get(input.sku) ?? 0 }),
    },
  });
}

export function ordersService(trace: Trace): Implementation {
  return implement(orders)({
    needs: { stock },
    engine: mainEngine,
    calls: {
      async place({ input, needs, fail }) {
        try {
          return await needs.stock.take(input);
        } catch (error) {
          if (isFailure(error, stock.calls.take, "outOfStock")) throw fail.refused({ why: `${error.data.left} left` });
          throw error;
        }
      },
      async slow({ signal }) {
        trace.slowSignal = signal;
        await new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason as Error)));
        return {};
      },
      heard: async ({ heard }) => await heard("stock"),
      broken: () => ({ id: 7 }) as never,
      guarded: () => ({}),
    },
    streams: {
      async *count({ input }) {
        for (let n = 1; n <= input.to; n++) yield { n };
      },
    },
    queues: {
      async ship({ input, also, enqueue }) {
        if (trace.shipFaults-- > 0) throw new Error("no van");
        if (input.id === "again") also(enqueue.ship({ id: "second" }));
        trace.shipped.push(input.id);
      },
    },
    on: {
      stock: {
        async taken({ data, id }) {
          trace.told.push(`${id} ${data.sku} ${data.quantity}`);
        },
      },
    },
  });
}

export function testTrace(): Trace {
  return { shipped: [], told: [], takes: 0, slowSignal: undefined, shipFaults: 0 };
}

export function testSystem(trace: Trace, levels: Map<string, number> = new Map([["tea", 5]])): System {
  return system("small-shop", {
    services: [ordersService(trace), stockService(trace, levels)],
    engines: [provide(mainEngine, { open: ({ clock }) => openMemoryEngine({ clock }) })],
  });
}
