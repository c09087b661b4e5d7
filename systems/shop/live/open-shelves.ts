import { commitPlanned } from "../commit-loop.ts";
import { availableOf, stockDecider } from "../inventory/mod.ts";
import type { Shop } from "../shop.ts";
import { catalogue } from "./catalogue.ts";

/** Lists the catalogue and receives what is missing on the shelves. Done again, or after a kill in the middle, it receives only what
 *  is missing then. Returns the units that were received. */
export async function openShelves({ catalog, engine, store }: Shop): Promise<number> {
  const products = catalogue.map(({ code, name, price }) => ({ code, name, price }));
  await commitPlanned(engine, async () => ({
    changes: await catalog.sighted(products),
    committed: (result) => {
      if (!result.committed) catalog.forget();
    },
  }));
  const received = await Promise.all(
    catalogue.map(async ({ code, shelf }) => {
      const { state } = await store.load(stockDecider, code);
      const quantity = shelf - availableOf(state);
      if (quantity > 0) await store.execute(stockDecider, code, { kind: "receive", quantity });
      return Math.max(0, quantity);
    }),
  );
  return received.reduce((sum, quantity) => sum + quantity, 0);
}
