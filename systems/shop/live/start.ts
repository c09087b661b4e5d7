import { clientOf, type Client } from "ashlar/contract";
import { systemClock, type Clock } from "ashlar/clock";
import { httpDispatcher } from "ashlar/http";
import { analytics, orders } from "../contracts/mod.ts";
import { audit, type Totals } from "../audit/mod.ts";
import { openEdge } from "../edge/mod.ts";
import { atRest } from "../rest.ts";
import type { ShopClients } from "../shop-clients.ts";
import { settingsOf } from "../settings.ts";
import { runShop } from "../shop-run.ts";
import { storageOf, type ShopStorage } from "../storage/mod.ts";
import type { StartConfig } from "./config.ts";
import { driveOrders } from "./drive.ts";
import { openShelves } from "./open-shelves.ts";
import { liveProgress, type Progress } from "./progress.ts";
import { servingText, summaryText } from "./summary.ts";

/** Where the command writes, and what stops it. */
export interface StartSurroundings {
  readonly print: (text: string) => void;
  readonly note: (text: string) => void;
  readonly terminal: "terminal" | "log";
  readonly signal: AbortSignal;
}

/** `shop start`: opens the shop, drives orders through its API, reports, and serves until it is told to stop.
 *  `stopped`: before the summary. Rejects with `PortError` when the port cannot be had. */
export async function startCommand(
  config: StartConfig,
  around: StartSurroundings,
): Promise<"sound" | "unsound" | "stopped"> {
  const clock = systemClock;
  const progress = liveProgress({ clock, write: around.note, output: around.terminal });
  const { port, spread } = config;
  const settings = settingsOf(config, "at once");
  let url = "";
  await using shop = await runShop(settings, {
    spread,
    log: ({ level, ...line }) => {
      if (level === "error") progress.beside(`${JSON.stringify({ level, ...line })}\n`);
    },
    async entrance({ system, dispatcher, health }) {
      const edge = await openEdge({ system, dispatcher, health, port, clock, log: progress.beside });
      ({ url } = edge);
      return edge;
    },
  });
  await using outside = httpDispatcher({ url, connections: config.concurrency + 1 });
  const live: Live = { config, around, storage: storageOf(settings), shop, clock, progress, url, outside };
  try {
    await openDoors(live);
    const end = await runBatch(live);
    if (config.after === "serve") await untilStopped(around.signal);
    return end;
  } catch (error) {
    if (!around.signal.aborted) throw error;
    progress.end();
    around.note("Stopped. Started again on the same data, the shop goes on where it was.\n");
    return "stopped";
  }
}

interface Live {
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

async function openDoors({ around, config, shop, storage, url }: Live): Promise<void> {
  const received = await openShelves(shop, config.orders);
  const where = config.spread === "on" ? "nine processes" : "one process";
  around.note(`The shop is open on ${url}, ${where}, data in ${storage.where}; ${received} units came in.\n`);
}

async function runBatch(live: Live): Promise<"sound" | "unsound"> {
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
  const { rows: bestSellers } = await clientOf(analytics, outside).sales({ by: "product", limit: 5 });
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

function untilStopped(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  const { promise, resolve } = Promise.withResolvers<void>();
  signal.addEventListener("abort", () => resolve(), { once: true });
  return promise;
}
