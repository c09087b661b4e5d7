import type { EnginePlace } from "ashlar/service";
import type { OpenOutside } from "../outside/mod.ts";
import type { ShopEngine } from "./shop-engine.ts";
import type { OpenReads } from "./shop-reads.ts";

/** Where a shop keeps what its services own, each apart from the others; what the world outside did; and which runs there were. */
export interface ShopStorage {
  /** For people, without a password. */
  readonly where: string;
  /** Finds out whether it can be used. Throws a KitError that says in one sentence why not. */
  check(): Promise<void>;
  /** Opens what one service owns. */
  openEngine(name: string, place: EnginePlace): Promise<ShopEngine>;
  /** Opens its reads that may be stale: on a replica, if there is one. */
  readonly openReads: OpenReads;
  readonly openOutside: OpenOutside;
  /** The number of a run of generated orders, 1 for the first; no two get the same, whatever becomes of them. */
  nextRun(): Promise<number>;
}
