import type { Clock } from "ashlar/clock";
import { audit, type Totals } from "../audit/mod.ts";
import type { Shop } from "../shop.ts";
import { LineGrouper } from "./group-lines.ts";
import { Importer } from "./importer.ts";
import type { ReplaySettings } from "./progress.ts";
import { identify, readSource } from "./source.ts";

export interface ReplayOptions {
  readonly shop: Shop;
  readonly path: string;
  readonly settings: ReplaySettings;
  readonly clock: Clock;
  /** Stops after so many invoices of the file, counted from its beginning. */
  readonly limit: number | undefined;
  /** Stops placing; what is under way is brought to its end. */
  readonly signal: AbortSignal;
  /** Told now and then. */
  readonly onProgress?: ((state: ReplayState) => void) | undefined;
}

/** Where a replay is. */
export interface ReplayState {
  readonly phase: "reading" | "resuming" | "replaying" | "finishing" | "auditing";
  readonly lines: number;
  readonly linesInFile: number;
  readonly invoices: number;
  readonly underWay: number;
}

export interface ReplayOutcome {
  readonly totals: Totals;
  /** From the first line to the end of the last order, return and notification; without the audit. */
  readonly seconds: number;
  /** Invoices that this run has imported. */
  readonly invoices: number;
  /** Orders that this run has placed. */
  readonly orders: number;
  readonly end: "complete" | "stopped";
}

/** Replays one file: brings the shop to where every invoice has been imported once and everything has ended, then audits it. */
export async function replay(options: ReplayOptions): Promise<ReplayOutcome> {
  const { shop, clock, settings, signal, path } = options;
  const startedMs = clock.monotonic();
  const { id, lines } = await identify(path);
  const importer = await Importer.open({ shop, settings, file: { id, name: path } });
  const before = { invoices: importer.progress.groups, orders: importer.ordersPlaced };
  const tell = (phase: ReplayState["phase"]): void =>
    options.onProgress?.({
      phase,
      lines: importer.progress.read,
      linesInFile: Math.max(lines - 1, importer.progress.read),
      invoices: importer.progress.groups,
      underWay: importer.inFlight,
    });
  tell("resuming");
  await importer.finishInterrupted();
  if (importer.progress.end === "ahead") await importLines(options, importer, () => tell("replaying"));
  tell("finishing");
  await settle(shop, clock);
  const seconds = (clock.monotonic() - startedMs) / 1_000;
  tell("auditing");
  return {
    totals: await audit(shop),
    seconds,
    invoices: importer.progress.groups - before.invoices,
    orders: importer.ordersPlaced - before.orders,
    end: signal.aborted ? "stopped" : "complete",
  };
}

async function importLines(
  { path, limit = Infinity, signal }: ReplayOptions,
  importer: Importer,
  tell: () => void,
): Promise<void> {
  const grouper = new LineGrouper();
  let skip = importer.progress.groups;
  const add = async (group: ReturnType<LineGrouper["end"]>): Promise<void> => {
    if (group === undefined || isStopped()) return;
    if (skip > 0) skip -= 1;
    else await importer.add(group);
    tell();
  };
  const isStopped = (): boolean => signal.aborted || (skip === 0 && importer.invoices >= limit);
  for await (const lines of readSource(path)) {
    for (const line of lines) await add(grouper.push(line));
    if (isStopped()) break;
  }
  await add(grouper.end());
  await importer.finish(isStopped() ? "limit" : "end of file");
}

// Between two looks at a queue that is emptying.
const lookMs = 5;

/** Waits until nothing is on its way any more: notifications sent or given up, views caught up. */
async function settle(shop: Shop, clock: Clock): Promise<void> {
  while ((await shop.notifications.status()).depth > 0) await clock.sleep(lookMs);
  await shop.analytics.caughtUp();
}
