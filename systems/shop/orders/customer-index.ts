import type { Engine, Put } from "ashlar/engine";
import { readCustomerOrder } from "./customer-orders.ts";

interface PageQuery {
  readonly limit: number;
  /** The last one of the page before. */
  readonly after?: string | undefined;
}

interface Page<T> {
  readonly items: readonly T[];
  /** For `after`; absent on the last page. */
  readonly next: string | undefined;
}

/** Live orders by customer and time, from the moment they are placed. */
const liveSpace = "live-customer-orders";
/** Confirmed orders of replays, by customer and ticket; behind them that space holds live ones, which are skipped. */
const replayedSpace = "customer-orders";
const ticketPattern = /^\d{12}$/;

/** The entry that lists a live order; goes into the commit that places it. */
export function customerIndexChange(customer: string, id: string, placedAtMs: number): Put {
  const place = `${placedAtMs.toString().padStart(13, "0")}-${id}`;
  return { op: "put", cell: { space: liveSpace, key: `${customer}/${place}` }, expect: "any", value: id };
}

/** Ids of a customer's orders, the oldest first: those that were replayed, then those placed live. */
export async function ordersOfCustomer(engine: Engine, customer: string, page: PageQuery): Promise<Page<string>> {
  const { after, limit } = page;
  const found: Entry[] = [];
  const isAmongReplayed = after === undefined || ticketPattern.test(after);
  if (isAmongReplayed) await collect(engine, found, { space: replayedSpace, customer, after, limit });
  const rest = limit - found.length;
  const liveAfter = isAmongReplayed ? undefined : after;
  if (rest > 0) await collect(engine, found, { space: liveSpace, customer, after: liveAfter, limit });
  const next = found.length < limit ? undefined : found.at(-1)?.place;
  return { items: found.map((entry) => entry.id), next };
}

interface Entry {
  readonly place: string;
  readonly id: string;
}

interface Range extends PageQuery {
  readonly space: string;
  readonly customer: string;
}

async function collect(engine: Engine, found: Entry[], range: Range): Promise<void> {
  const { space, customer, after, limit } = range;
  const prefix = `${customer}/`;
  const from = after === undefined ? undefined : prefix + after;
  for await (const cell of engine.scan({ kind: "cells", space, prefix, after: from, limit })) {
    const place = cell.key.slice(prefix.length);
    if (found.length === limit || place.startsWith("live-")) return;
    found.push({ place, id: space === replayedSpace ? readCustomerOrder(cell.value).order : cell.value });
  }
}
