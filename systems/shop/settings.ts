import type { FaultMode } from "./outside/mod.ts";

/** `plenty`: the supplier delivers whatever is missing. `tight`: every product starts with a drawn quantity and gets nothing more. */
export type StockMode = "plenty" | "tight";

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
  /** What an order survives: a kill of the process, or a power cut. */
  readonly durability: "process" | "disk";
}
