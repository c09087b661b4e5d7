import type { Clock } from "ashlar/clock";
import { clientOf, type Client } from "ashlar/contract";
import { audit, type Totals } from "../audit/mod.ts";
import { analytics, orders } from "../contracts/mod.ts";
import { atRest } from "../rest.ts";
import type { ShopClients } from "../shop-clients.ts";
import type { StartConfig } from "./config.ts";
import { driveOrders } from "./drive.ts";
import type { Progress } from "./progress.ts";
import type { ShopStorage } from "../storage/mod.ts";
import { servingText, summaryText } from "./summary.ts";
import type { StartSurroundings } from "./surroundings.ts";

/** A shop that is open, and who watches it. */
export interface Live {
  readonly config: StartConfig;
  readonly around: StartSurroundings;
  readonly storage: ShopStorage;
  readonly shop: ShopClients;
  readonly clock: Clock;
  readonly progress: Progress;
  readonly url: string;
  /** The way that customers take. */
  readonly outside: Parameters<typeof clientOf>[1];
}

/** Sends customers to the shop, waits until it is at rest, and reports: whether every invariant holds. */
export async function runBatch(live: Live): Promise<"sound" | "unsound"> {
  const { around, clock, config, outside, progress, shop, storage, url } = live;
  const { ordersOpen, returnsOpen } = await shop.client(orders).status({});
  if (ordersOpen + returnsOpen > 0)
    around.note(`Going on with ${ordersOpen} orders and ${returnsOpen} returns from before.\n`);
  const { concurrency, orders: count, seed } = config;
  const run = await storage.nextRun();
  const client: Client<typeof orders> = clientOf(orders, outside);
  const { signal } = around;
  const batch = await driveOrders({ client, clock, signal, seed, run, count, concurrency, onProgress: progress.show });
  progress.end();
  const totals = await auditAtRest(live);
  const { position } = await shop.client(analytics).status({});
  const figures = clientOf(analytics, outside);
  const { rows: bestSellers } = await figures.sales({ by: "product", limit: 5, after: position });
  around.print(summaryText({ run, data: storage.where, url, batch, totals, bestSellers }));
  if (config.after === "serve") around.print(servingText({ url, batch }));
  return totals.invariants.every((invariant) => invariant.ok) ? "sound" : "unsound";
}

/** An order that needs a person's decision, or a company that is away, stays open: then the audit says so. */
const restWithinMs = 60_000;
/** Others may place orders meanwhile. */
const auditsMax = 5;

async function auditAtRest({ around, clock, shop }: Live): Promise<Totals> {
  const { signal } = around;
  for (let attempt = 1; ; attempt++) {
    const state = await atRest(shop, { clock, signal, withinMs: restWithinMs });
    const before = await shop.client(orders).status({});
    const totals = await audit(shop, clock);
    const after = await shop.client(orders).status({});
    const isSame = before.events === after.events && after.ordersOpen === 0;
    if (state === "waiting" || attempt === auditsMax || isSame) return totals;
  }
}
