import { z } from "zod";
import { call, contract, event, failure, isFailure, queue, stream, type Client } from "../contract/mod.ts";
import { engineToken } from "./engine-token.ts";
import { implement } from "./implement.ts";

const stock = contract("stock", {
  calls: {
    take: call({
      input: z.object({ sku: z.string(), quantity: z.int() }),
      output: z.object({ left: z.int() }),
      errors: { outOfStock: failure({ title: "too few", data: z.object({ left: z.int() }) }) },
      semantics: "keyed",
      http: "POST /stock/{sku}/take",
    }),
  },
  events: { taken: event({ data: z.object({ sku: z.string(), quantity: z.int() }), key: "sku" }) },
});
const orders = contract("orders", {
  calls: {
    place: call({
      input: z.object({ sku: z.string(), quantity: z.int().default(1) }),
      output: z.object({ id: z.string() }),
      errors: { refused: failure({ title: "refused", data: z.object({ why: z.string() }) }) },
    }),
  },
  streams: { track: stream({ input: z.object({ id: z.string() }), output: z.object({ state: z.string() }) }) },
  queues: { ship: queue({ input: z.object({ id: z.string() }), key: "id" }) },
});
const main = engineToken("main");
implement(orders, {
  needs: { stock },
  engine: main,
  open: ({ needs }) => ({ shipped: new Set<string>(), needs }),
  calls: {
    async place({ input, needs, fail, own, signal }) {
      const quantity: number = input.quantity;
      try {
        const { left } = await needs.stock.take({ sku: input.sku, quantity }, { signal });
        own.shipped.add(`${left}`);
      } catch (error) {
        if (isFailure(error, stock.calls.take, "outOfStock")) {
          const left: number = error.data.left;
          throw fail.refused({ why: `${left} left` });
        }
        throw error;
      }
      return { id: "1" };
    },
  },
  streams: {
    async *track({ input }) {
      yield { state: input.id };
    },
  },
  queues: {
    async ship({ input, own }) {
      own.shipped.add(input.id);
    },
  },
  on: {
    stock: {
      async taken({ data, own }) {
        const quantity: number = data.quantity;
        own.shipped.add(`${quantity}`);
      },
    },
  },
});
export async function use(client: Client<typeof orders>): Promise<void> {
  const { id } = await client.place({ sku: "a" });
  for await (const { state } of client.track({ id })) await client.ship({ id: state });
  // @ts-expect-error: the quantity is a number
  await client.place({ sku: "a", quantity: "1" });
}
