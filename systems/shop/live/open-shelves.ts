import { commitPlanned } from "../commit-loop.ts";
import { availableOf, stockDecider } from "../inventory/mod.ts";
import type { Shop } from "../shop.ts";
import { catalogue } from "./catalogue.ts";

/** Orders for which the catalogue's shelves are meant. */
const ordersPerShelf = 300;

/** Lists the catalogue and receives what is missing on shelves that are meant for `orders` orders: too little for some. Done again, or after a kill in the middle, it receives only what
 *  is missing then. Returns the units that were received. */
export async function openShelves({ catalog, engine, store }: Shop, orders: number): Promise<number> {
  const products = catalogue.map(({ code, name, price }) => ({ code, name, price }));
  await commitPlanned(engine, async () => ({
    changes: await catalog.sighted(products),
    committed: (result) => {
      if (!result.committed) catalog.forget();
    },
  }));
  const size = Math.max(1, orders / ordersPerShelf);
  const received = await Promise.all(
    catalogue.map(async ({ code, shelf }) => {
      const { state } = await store.load(stockDecider, code);
      const quantity = Math.round(shelf * size) - availableOf(state);
      if (quantity > 0) await store.execute(stockDecider, code, { kind: "receive", quantity });
      return Math.max(0, quantity);
    }),
  );
  return received.reduce((sum, quantity) => sum + quantity, 0);
}
