import { catalog, inventory } from "../contracts/mod.ts";
import type { ShopClients } from "../shop-clients.ts";
import { catalogue } from "./catalogue.ts";

/** Orders for which the catalogue's shelves are meant. */
const ordersPerShelf = 300;

/** Lists the catalogue and receives what is missing on shelves that are meant for `orders` orders: too little for some. Done again, or after a kill in the middle, it receives only what
 *  is missing then. Returns the units that were received. */
export async function openShelves(shop: ShopClients, orders: number): Promise<number> {
  await shop.client(catalog).sight({ products: catalogue.map(({ code, name, price }) => ({ code, name, price })) });
  const size = Math.max(1, orders / ordersPerShelf);
  const shelves = catalogue.map(({ code, shelf }) => ({ code, quantity: Math.round(shelf * size) }));
  return (await shop.client(inventory).topUp({ shelves })).received;
}
