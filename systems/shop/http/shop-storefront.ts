import { createHash } from "node:crypto";
import { linkSignals } from "ashlar/abort";
import type { Clock } from "ashlar/clock";
import type { Shop } from "../shop.ts";
import { ordersOfCustomer } from "./customer-index.ts";
import { readOrder } from "./order-view.ts";
import { orderPlacer } from "./place-order.ts";
import { productShelf } from "./product-shelf.ts";
import { returnTaker } from "./request-return.ts";
import { readReturn } from "./return-view.ts";
import { salesRows } from "./sales-rows.ts";
import type { HealthDetails, OrderView, Storefront } from "./storefront.ts";

export interface ShopStorefrontOptions {
  readonly shop: Shop;
  readonly clock: Clock;
  readonly nextId: () => string;
  readonly state: () => "starting" | "ready" | "stopping";
  /** Ends the waiting of those who wait for an order: they get it as it is. */
  readonly closing: AbortSignal;
}

/** The storefront of a shop. */
export function shopStorefront(options: ShopStorefrontOptions): Storefront {
  const { shop, clock, nextId, state, closing } = options;
  const { store } = shop;
  const idOf = (kind: string, key: string | undefined): string => (key === undefined ? nextId() : idFromKey(kind, key));
  return {
    state,
    ...productShelf(shop),
    placeOrder: orderPlacer(shop, clock, (key) => idOf("order", key)),
    returnItems: returnTaker(shop, clock, (key) => idOf("return", key)),
    health: () => healthDetails(shop),
    sales: (by, limit) => salesRows(shop, by, limit),
    return: async (id) => (await readReturn(store, id))?.view,
    async order(id, wait) {
      const view = (await readOrder(store, id))?.view;
      if (view === undefined || wait === undefined || wait.waitMs === 0 || hasEnded(view)) return view;
      using signals = linkSignals([wait.signal, closing]);
      try {
        await shop.orders.ended(id, { signal: signals.signal, withinMs: wait.waitMs });
      } catch (error) {
        if (!signals.signal.aborted) throw error;
      }
      return (await readOrder(store, id))?.view;
    },
    async ordersOf(customer, page) {
      const { items, next } = await ordersOfCustomer(shop.engine, customer, page);
      const orders = await Promise.all(items.map((id) => readOrder(store, id)));
      return { items: orders.flatMap((order) => (order === undefined ? [] : [summaryOf(order.view)])), next };
    },
    cancelOrder: (id) => shop.orders.cancel(id),
  };
}

/** The same key gives the same id in any process, so that the stream of that id decides what is a repeat. */
function idFromKey(kind: string, key: string): string {
  return createHash("sha256").update(`${kind} ${key}`).digest("hex").slice(0, 24);
}

function hasEnded({ status }: OrderView): boolean {
  return status === "confirmed" || status === "rejected";
}

function summaryOf({
  id,
  status,
  reason,
  placedAt,
  totalMinor,
}: OrderView): Pick<OrderView, "id" | "status" | "reason" | "placedAt" | "totalMinor"> {
  return { id, status, reason, placedAt, totalMinor };
}

async function healthDetails({ engine, notifications, analytics }: Shop): Promise<HealthDetails> {
  const [ordersOpen, returnsOpen, told, counted] = await Promise.all([
    openIn("saga:order"),
    openIn("saga:return"),
    notifications.status(),
    analytics.status(),
  ]);
  const position = Math.min(...counted.partitions.map((partition) => partition.position));
  const salesLag = Number.isFinite(position) ? counted.head - position : 0;
  return { ordersOpen, returnsOpen, notificationsWaiting: told.depth, notificationsDead: told.dead, salesLag };

  // A run is a message of its saga's queue until it has ended.
  async function openIn(queue: string): Promise<number> {
    for await (const status of engine.scan({ kind: "queues", queue }))
      return status.ready + status.suspect + status.running + status.delayed + status.waiting;
    return 0;
  }
}
