import type { Engine, Put } from "ashlar/engine";
import type { PlacedOrder } from "./order.ts";

const space = "customer-orders";
/** The latest purchases of one customer that are looked at; a bound on memory, far above any customer of a year. */
const ordersMax = 2_000;

/** A confirmed order, and the products in it. */
export interface CustomerOrder {
  readonly order: string;
  readonly codes: readonly string[];
}

/** The entry that makes a confirmed order findable by its customer; in replays ordered by ticket, live orders behind them by id. */
export function customerOrderChange(id: string, order: PlacedOrder): readonly Put[] {
  const { customer, ticket, lines } = order;
  if (customer === undefined) return [];
  const place = ticket === undefined ? `live-${id}` : ticket.toString().padStart(12, "0");
  const value = JSON.stringify([id, ...new Set(lines.map((line) => line.code))]);
  return [{ op: "put", cell: { space, key: `${customer}/${place}` }, expect: "any", value }];
}

/** Reads the value of an entry. */
export function readCustomerOrder(value: string): CustomerOrder {
  const [order = "", ...codes] = JSON.parse(value) as readonly string[];
  return { order, codes };
}

/** A customer's confirmed orders, the latest first. */
export async function customerOrders(engine: Engine, customer: string): Promise<readonly CustomerOrder[]> {
  const orders: CustomerOrder[] = [];
  for await (const cell of engine.scan({ kind: "cells", space, prefix: `${customer}/` })) {
    orders.push(readCustomerOrder(cell.value));
    if (orders.length > 2 * ordersMax) orders.splice(0, ordersMax);
  }
  return orders.slice(-ordersMax).toReversed();
}
