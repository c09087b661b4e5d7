import type { Clock } from "ashlar/clock";
import { orders } from "../contracts/mod.ts";
import { audit, type Totals } from "../audit/mod.ts";
import { atRest, patiently } from "../rest.ts";
import type { ShopClients } from "../shop-clients.ts";
import type { InvoiceGroup } from "./classify-invoice.ts";
import { LineGrouper } from "./group-lines.ts";
import { Sender } from "./sender.ts";
import { identify, readSource } from "./source.ts";

export interface ReplayOptions {
  readonly shop: ShopClients;
  readonly path: string;
  readonly clock: Clock;
  /** Names this run among others on the same data. */
  readonly importer: string;
  /** Stops after so many invoices of the file, counted from its beginning. */
  readonly limit: number | undefined;
  /** Stops placing; what is under way is brought to its end. */
  readonly signal: AbortSignal;
  /** Told now and then. */
  readonly onProgress?: ((state: ReplayState) => void) | undefined;
}

/** Where a replay is. */
export interface ReplayState {
  readonly phase: "opening" | "replaying" | "finishing" | "auditing";
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
  readonly stepLatencyMs: { readonly p50: number; readonly p95: number; readonly p99: number };
}

/** Replays one file: brings the shop to where every invoice has been imported once and everything has ended, then audits it. */
export async function replay(options: ReplayOptions): Promise<ReplayOutcome> {
  const { shop, clock, importer, signal, path } = options;
  const startedMs = clock.monotonic();
  const { id, lines } = await identify(path);
  options.onProgress?.({ phase: "opening", lines: 0, linesInFile: lines - 1, invoices: 0, underWay: 0 });
  const sender = await Sender.open({ shop, clock, importer, file: { id, name: path } });
  const before = sender.state.groups;
  const tell = (phase: ReplayState["phase"]): void => {
    const { groups, read, underWay } = sender.state;
    options.onProgress?.({ phase, lines: read, linesInFile: Math.max(lines - 1, read), invoices: groups, underWay });
  };
  if (sender.state.end === "ahead") await sendLines(options, sender, () => tell("replaying"));
  tell("finishing");
  await atRest(shop, { clock });
  const seconds = (clock.monotonic() - startedMs) / 1_000;
  const { stepLatencyMs } = await patiently(clock, () => shop.client(orders).status({}));
  tell("auditing");
  return {
    totals: await audit(shop, clock),
    seconds,
    invoices: sender.state.groups - before,
    orders: sender.ordersPlaced,
    end: signal.aborted ? "stopped" : "complete",
    stepLatencyMs,
  };
}

async function sendLines(
  { path, limit = Infinity, signal }: ReplayOptions,
  sender: Sender,
  tell: () => void,
): Promise<void> {
  const grouper = new LineGrouper();
  let skip = sender.state.groups;
  const add = async (group: InvoiceGroup): Promise<void> => {
    if (isStopped()) return;
    if (skip > 0) skip -= 1;
    else await sender.add(group);
    tell();
  };
  const isStopped = (): boolean => signal.aborted || (skip === 0 && sender.invoices >= limit);
  for await (const lines of readSource(path)) {
    for (const line of lines) {
      const group = grouper.push(line);
      if (group !== undefined) await add(group);
    }
    if (isStopped()) break;
  }
  const last = grouper.end();
  if (last !== undefined) await add(last);
  await sender.finish(isStopped() ? "limit" : "end of file");
}
