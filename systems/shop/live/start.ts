import { join } from "node:path";
import { systemClock, type Clock } from "ashlar/clock";
import { openSqliteEngine } from "ashlar/engine/sqlite";
import { idSource, systemRandom } from "ashlar/random";
import { audit, type Totals } from "../audit/mod.ts";
import { createApi, jsonLines, serveApi, shopStorefront, type HealthView, type SalesRow } from "../http/mod.ts";
import { openOutside } from "../outside/mod.ts";
import { createShop, type Shop } from "../shop.ts";
import { makeFolder } from "../make-folder.ts";
import { httpClient, type Client } from "./client.ts";
import type { StartConfig } from "./config.ts";
import { driveOrders } from "./drive.ts";
import { openShelves } from "./open-shelves.ts";
import { liveProgress, type Progress } from "./progress.ts";
import { nextRun } from "./run-number.ts";
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
  await using stack = new AsyncDisposableStack();
  const shop = await openShop(config, clock, stack);
  const url = await openApi({ config, around, shop, clock, stack, progress });
  const live: Live = {
    config,
    around,
    shop,
    clock,
    progress,
    url,
    client: httpClient({ url, clock, signal: around.signal }),
  };
  try {
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
  readonly shop: Shop;
  readonly clock: Clock;
  readonly progress: Progress;
  readonly url: string;
  readonly client: Client;
}

async function openShop(config: StartConfig, clock: Clock, stack: AsyncDisposableStack): Promise<Shop> {
  const { data, durability, faults, seed, stock } = config;
  await makeFolder(data);
  const outside = stack.use(await openOutside({ path: join(data, "outside.db"), faults, seed, clock }));
  const engine = stack.use(await openSqliteEngine({ path: join(data, "shop.db"), durability, clock }));
  return stack.use(
    await createShop({ engine, outside, clock, random: systemRandom, seed, stock, releases: "at once" }),
  );
}

interface Opening extends Omit<Live, "url" | "client"> {
  readonly stack: AsyncDisposableStack;
}

/** Serves from before the shelves are filled, so that health can be asked; takes orders from then on. */
async function openApi({ config, around, shop, clock, stack, progress }: Opening): Promise<string> {
  let opened: "starting" | "ready" = "starting";
  const nextId = idSource({ clock, random: systemRandom });
  const log = jsonLines(progress.beside);
  const { signal } = around;
  const state = (): "starting" | "ready" | "stopping" => (signal.aborted ? "stopping" : opened);
  const storefront = shopStorefront({ shop, clock, nextId, state, closing: signal });
  const api = createApi({ storefront, clock, nextId, log });
  const server = stack.use(await serveApi({ api, port: config.port, clock, log }));
  const received = await openShelves(shop, config.orders);
  opened = "ready";
  around.note(`The shop is open on ${server.url}, data in ${config.data}; ${received} units came in.\n`);
  return server.url;
}

async function runBatch(live: Live): Promise<"sound" | "unsound"> {
  const { around, client, clock, config, progress, shop, url } = live;
  const { details } = await client.get<HealthView>("/health");
  if (details.ordersOpen + details.returnsOpen > 0)
    around.note(`Going on with ${details.ordersOpen} orders and ${details.returnsOpen} returns from before.\n`);
  const run = await nextRun(shop.engine);
  const { concurrency, data, orders: count, seed } = config;
  const batch = await driveOrders({ client, clock, seed, run, count, concurrency, onProgress: progress.show });
  progress.end();
  const totals = await auditAtRest(live);
  const { rows: bestSellers } = await client.get<{ readonly rows: readonly SalesRow[] }>("/sales?by=product&limit=5");
  around.print(summaryText({ run, data, url, batch, totals, bestSellers }));
  if (config.after === "serve") around.print(servingText({ url, batch }));
  return totals.invariants.every((invariant) => invariant.ok) ? "sound" : "unsound";
}

const lookMs = 20;
/** An order that needs a person's decision stays open: then the audit says so. */
const restWithinMs = 60_000;
/** Others may place orders meanwhile. */
const auditsMax = 5;

async function auditAtRest(live: Live): Promise<Totals> {
  const { shop } = live;
  for (let attempt = 1; ; attempt++) {
    await restOf(live);
    const before = await headOf(shop);
    const totals = await audit(shop);
    if (attempt === auditsMax || (await headOf(shop)) === before) return totals;
  }
}

async function restOf({ around, clock, shop, client }: Live): Promise<void> {
  const untilMs = clock.monotonic() + restWithinMs;
  while (clock.monotonic() < untilMs) {
    const { details } = await client.get<HealthView>("/health");
    if (details.ordersOpen + details.returnsOpen + details.notificationsWaiting === 0) break;
    await clock.sleep(lookMs, { signal: around.signal });
  }
  await shop.analytics.caughtUp();
}

async function headOf({ engine, store }: Shop): Promise<number> {
  return (await engine.read({ log: store.log, after: Number.MAX_SAFE_INTEGER, limit: 1 })).head;
}

function untilStopped(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  const { promise, resolve } = Promise.withResolvers<void>();
  signal.addEventListener("abort", () => resolve(), { once: true });
  return promise;
}
