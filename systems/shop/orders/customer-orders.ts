import type { Engine, Put } from "ashlar/engine";
import type { PlacedOrder } from "./order.ts";

const space = "customer-orders";
/** The latest purchases of one customer that are looked at; a bound on memory, far above any customer of a year. */
const ordersMax = 2_000;

/** The entry that makes a confirmed order findable by its customer; in replays ordered by ticket, live orders behind them by id. */
export function customerOrderChange(id: string, order: PlacedOrder): readonly Put[] {
  const { customer, ticket } = order;
  if (customer === undefined) return [];
  const place = ticket === undefined ? `live-${id}` : ticket.toString().padStart(12, "0");
  return [{ op: "put", cell: { space, key: `${customer}/${place}` }, expect: "any", value: id }];
}

/** Ids of a customer's confirmed orders, the latest first. */
export async function customerOrders(engine: Engine, customer: string): Promise<readonly string[]> {
  const ids: string[] = [];
  for await (const cell of engine.scan({ kind: "cells", space, prefix: `${customer}/` })) {
    ids.push(cell.value);
    if (ids.length > 2 * ordersMax) ids.splice(0, ordersMax);
  }
  return ids.slice(-ordersMax).toReversed();
}
