import type { AnyContract, Client } from "ashlar/contract";

/** The way to the services of a shop, wherever they run. */
export interface ShopClients {
  client<C extends AnyContract>(contract: C): Client<C>;
}
