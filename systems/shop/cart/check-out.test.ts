import { expect, test } from "vitest";
import { openMemoryEngine } from "ashlar/engine/memory";
import type { CommitEnd, CommitWork } from "ashlar/service";
import type { OrderView } from "../contracts/mod.ts";
import { Carts, itemsMax, putBack, withItem } from "./cart.ts";
import { checkOut, type CheckOut, type CheckOutTools } from "./check-out.ts";

/** Carts beside orders that keep what was placed under each key. */
async function withCarts(run: (world: World) => Promise<void>): Promise<void> {
  await using engine = await openMemoryEngine();
  const carts = new Carts(engine);
  const placed = new Map<string, OrderView>();
  const place: CheckOutTools["orders"]["place"] = (input, options) => {
    const known = placed.get(options?.key ?? "");
    const order = known ?? orderOf(`order-${placed.size + 1}`, input.customer, input.items);
    placed.set(options?.key ?? "", order);
    return Promise.resolve(order);
  };
  const commit = async ({ changes, output }: CommitWork<OrderView>): Promise<CommitEnd<OrderView>> => {
    const result = await engine.commit(changes);
    return result.committed ? { committed: true, output } : result;
  };
  const fail = {
    empty: () => new Error("empty"),
    notForSale: ({ products }: { products: string[] }) => new Error(`not for sale: ${products.join()}`),
    overloaded: () => new Error("overloaded"),
  };
  const put = async (product: string, quantity: number): Promise<void> =>
    void (await carts.update("cora", (cart) => withItem(cart, product, quantity)));
  await run({ carts, placed, put, tools: { carts, orders: { place }, commit, fail } });
}

interface World {
  readonly carts: Carts;
  readonly placed: ReadonlyMap<string, OrderView>;
  readonly put: (product: string, quantity: number) => Promise<void>;
  readonly tools: CheckOutTools;
}

function orderOf(id: string, customer: string, items: readonly { product: string; quantity: number }[]): OrderView {
  const lines = items.map(({ product, quantity }) => ({ product, quantity, totalMinor: 100 }));
  const times = { placedAt: "2026-01-01 00:00:00", history: [] };
  return { id, customer, status: "placed", country: "France", currency: "GBP", totalMinor: 100, lines, ...times };
}

const wish: CheckOut = { customer: "cora", key: "1", country: "France", payment: { method: "card" } };
const lost: CheckOutTools["commit"] = () => Promise.reject(new Error("killed"));

test("an order whose answer was lost is answered again, and what was put in meanwhile is left for the next one", async () => {
  await withCarts(async ({ carts, placed, put, tools }) => {
    await put("MUG", 1);
    await expect(checkOut({ ...tools, commit: lost }, wish)).rejects.toThrow("killed");
    await put("BOWL", 2);
    expect(await checkOut(tools, wish)).toMatchObject({ id: "order-1", lines: [{ product: "MUG" }] });
    expect(placed.size).toBe(1);
    expect(await carts.find("cora")).toEqual({ quantities: { BOWL: 2 }, version: expect.any(Number) });
    expect(await checkOut(tools, { ...wish, key: "2" })).toMatchObject({ id: "order-2", lines: [{ product: "BOWL" }] });
  });
});

test("an order that nobody comes back for is there once, however the next one is to be paid", async () => {
  await withCarts(async ({ carts, placed, put, tools }) => {
    await put("MUG", 1);
    await expect(checkOut({ ...tools, commit: lost }, wish)).rejects.toThrow("killed");
    const other: CheckOut = { ...wish, key: "2", payment: { method: "paypal" } };
    await expect(checkOut(tools, other)).rejects.toThrow("empty");
    await put("BOWL", 2);
    expect(await checkOut(tools, { ...other, key: "3" })).toMatchObject({ lines: [{ product: "BOWL" }] });
    expect(placed.size).toBe(2);
    expect(await carts.find("cora")).toMatchObject({ quantities: {} });
  });
});

test("requests at once order a cart once", async () => {
  await withCarts(async ({ placed, put, tools }) => {
    await put("MUG", 1);
    const ends = await Promise.allSettled(["1", "2", "3"].map((key) => checkOut(tools, { ...wish, key })));
    expect(placed.size).toBe(1);
    expect(ends.filter(({ status }) => status === "fulfilled").length).toBeGreaterThan(0);
  });
});

test("what is put back after a refusal fills up what was picked meanwhile, and never more than a cart takes", () => {
  const ordering = {
    key: "k",
    country: "France",
    payment: { method: "card" },
    quantities: { MUG: 1, BOWL: 1 },
  } as const;
  expect(putBack({ quantities: { MUG: 5, JAR: 1 }, ordering })).toEqual({ quantities: { MUG: 5, BOWL: 1, JAR: 1 } });
  const many = Object.fromEntries(Array.from({ length: itemsMax }, (_, n) => [`P${n}`, 1]));
  expect(Object.keys(putBack({ quantities: many, ordering }).quantities)).toHaveLength(itemsMax);
});
