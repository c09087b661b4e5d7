import { systemClock } from "ashlar/clock";
import { httpDispatcher } from "ashlar/http";
import { openEdge } from "../edge/mod.ts";
import { settingsOf } from "../settings.ts";
import { runShop } from "../shop-run.ts";
import { saidWhenSlow } from "../slow-opening.ts";
import { storageOf } from "../storage/mod.ts";
import type { StartConfig } from "./config.ts";
import { openShelves } from "./open-shelves.ts";
import { liveProgress } from "./progress.ts";
import type { Live } from "./run-batch.ts";
import type { StartSurroundings } from "./surroundings.ts";

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
  const storage = storageOf(settings);
  const opening = runShop(settings, {
    spread,
    log: ({ level, ...line }) => {
      if (level === "error") progress.beside({ level, ...line });
    },
    async entrance({ system, dispatcher, health }) {
      const edge = await openEdge({ system, dispatcher, health, port, clock, log: progress.beside });
      ({ url } = edge);
      return edge;
    },
  });
  await using shop = await saidWhenSlow(opening, { clock, note: around.note, where: storage.where });
  await using outside = httpDispatcher({ url, connections: config.concurrency + 1 });
  const live: Live = { config, around, storage, shop, clock, progress, url, outside };
  try {
    await openDoors(live);
    // The shop answers already while its own customers are loaded.
    const { runBatch } = await import("./run-batch.ts");
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

async function openDoors({ around, config, shop, storage, url }: Live): Promise<void> {
  const received = await openShelves(shop, config.orders);
  const where = config.spread === "on" ? "nine processes" : "one process";
  around.note(`The shop is open on ${url}, ${where}, data in ${storage.where}; ${received} units came in.\n`);
}

function untilStopped(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  const { promise, resolve } = Promise.withResolvers<void>();
  signal.addEventListener("abort", () => resolve(), { once: true });
  return promise;
}
