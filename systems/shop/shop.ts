import type { Clock } from "ashlar/clock";
import type { SqliteEngine } from "ashlar/engine/sqlite";
import { openEventStore, type EventStore } from "ashlar/events";
import type { Random } from "ashlar/random";
import { openSagas, type RunOutcome, type Sagas } from "ashlar/saga";
import { openAnalytics, type Analytics, type ViewsMode } from "./analytics/mod.ts";
import { Catalog } from "./catalog/mod.ts";
import { Inventory, type BackOnSale, type StockMode } from "./inventory/mod.ts";
import { openNotifications, type Notifications } from "./notifications/mod.ts";
import { openTickets, Orders, orderSaga, PlacedOrders, type Tickets } from "./orders/mod.ts";
import type { Outside } from "./outside/mod.ts";
import { Payments } from "./payments/mod.ts";
import { Returns, returnSaga } from "./returns/mod.ts";
import { Shipping } from "./shipping/mod.ts";

export interface ShopOptions {
  /** The shop's file: log, queues, sagas and views. */
  readonly engine: SqliteEngine;
  readonly outside: Outside;
  readonly clock: Clock;
  readonly random: Random;
  readonly seed: number;
  readonly stock: StockMode;
  readonly releases: BackOnSale;
  /** Default "live". */
  readonly views?: ViewsMode;
}

/** The shop, open for business. Closing it lets steps that run end and leaves everything else for the next opening. */
export interface Shop extends AsyncDisposable {
  readonly engine: SqliteEngine;
  readonly outside: Outside;
  readonly store: EventStore;
  readonly sagas: Sagas;
  readonly catalog: Catalog;
  readonly inventory: Inventory;
  readonly payments: Payments;
  readonly orders: Orders;
  readonly returns: Returns;
  readonly tickets: Tickets;
  readonly notifications: Notifications;
  readonly analytics: Analytics;
  /** Orders and returns that have been started and have not ended. */
  openRuns(): AsyncIterable<OpenRun>;
}

/** An order or return under way. */
export interface OpenRun {
  /** Waits for its end. */
  ended(): Promise<RunOutcome>;
}

// Above the importer's orders under way: those that wait for their turn at the stock hold a place each, and the one whose turn it is
// needs one too.
const runsAtOnce = 1_024;
/** Every product of the real files, and the orders under way several times over. More only costs memory: an order that has ended
 *  is seldom looked at again. */
const cachedStreams = 8_000;

/** Binds the contexts together. The engine and the outside world stay the caller's to close. */
export async function createShop(options: ShopOptions): Promise<Shop> {
  const { engine, outside, clock, random, seed, stock, releases, views = "live" } = options;
  await using opened = new AsyncDisposableStack();
  const store = await openEventStore({ engine, cacheStreams: cachedStreams, requires: "process" });
  const analytics = opened.use(await openAnalytics(engine, store, views));
  const notifications = opened.use(
    await openNotifications({ engine, channels: outside.channels, clock, random, seed }),
  );
  const inventory = new Inventory({ stock, releases, seed });
  const payments = new Payments({ store, provider: outside.payments, clock, seed });
  const shipping = new Shipping({ carrier: outside.carrier, clock });
  const tickets = await openTickets(store);
  const placed = new PlacedOrders(store);
  const order = orderSaga({ store, inventory, payments, shipping, notifications, tickets, placed });
  const giveBack = returnSaga({ store, inventory, payments, notifications });
  const sagas = opened.use(await openSagas({ engine, sagas: [order, giveBack], concurrency: runsAtOnce, random }));
  const orders = new Orders({ store, sagas, saga: order, placed });
  const returns = new Returns({ store, sagas, saga: giveBack });
  const held = opened.move();
  return {
    engine,
    outside,
    store,
    sagas,
    inventory,
    payments,
    orders,
    returns,
    tickets,
    notifications,
    analytics,
    catalog: new Catalog(engine),
    async *openRuns() {
      for await (const { saga, id, finishedAtMs } of sagas.list({ limit: Number.MAX_SAFE_INTEGER }))
        if (finishedAtMs === undefined)
          yield { ended: () => (saga === order.name ? orders.ended(id) : returns.ended(id)) };
    },
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}
