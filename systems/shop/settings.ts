import type { FaultMode } from "./outside/mod.ts";

/** `plenty`: the supplier delivers whatever is missing. `tight`: every product starts with a drawn quantity and gets nothing more. */
export type StockMode = "plenty" | "tight";

/** What an order survives: a kill of the process, a power cut, or the loss of the database's machine. */
export type ShopDurability = "process" | "disk" | "replicated";

/** The namespace of who names none. */
export const defaultNamespace = "shop";

/** What a shop is opened with, in every process of it. */
export interface ShopSettings {
  /** Folder of the shop's and the outside world's files. */
  readonly data: string;
  /** Decides faults and quantities. */
  readonly seed: number;
  readonly stock: StockMode;
  readonly faults: FaultMode;
  /** When stock that came back can be sold again: a replay closes its days, a live shop does not wait. */
  readonly sale: "at once" | "at day close";
  readonly durability: ShopDurability;
  /** `sqlite`: files in the folder (default); or the address of a PostgreSQL database, which processes on many machines share. */
  readonly engine?: string | undefined;
  /** What the schemas of this shop in the database begin with. */
  readonly namespace?: string | undefined;
  /** Where replicas share what they remember: `redis://…`. Default: each remembers for itself. */
  readonly cache?: string | undefined;
  /** Where they tell each other what has changed, if it is not there: `redis://…`, `nats://…` or `postgres://…`. */
  readonly bus?: string | undefined;
  /** A replica of the database, for reads that may be a little old: `postgres://…`. Default: they go to the database, too. */
  readonly reads?: string | undefined;
}

/** The settings that a command line brings. */
export function settingsOf(config: Omit<ShopSettings, "sale">, sale: ShopSettings["sale"]): ShopSettings {
  const { bus, cache, data, durability, engine, faults, namespace, reads, seed, stock } = config;
  return { bus, cache, data, durability, engine, faults, namespace, reads, sale, seed, stock };
}
