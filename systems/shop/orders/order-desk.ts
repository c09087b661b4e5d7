import type { Engine } from "ashlar/engine";
import { openEventStore, type EventStore } from "ashlar/events";
import { openSagas, type RunOutcome, type Sagas } from "ashlar/saga";
import type { CallHandlers, OpenContext, StreamHandlers } from "ashlar/service";
import { catalog, inventory, payments, shipping, type orders } from "../contracts/mod.ts";
import type { ShopSettings } from "../settings.ts";
import { openCorrections, type Corrections } from "./imports/corrections.ts";
import { Imports } from "./imports/imports.ts";
import { orderSaga } from "./order-saga.ts";
import { OrderWatch } from "./order-watch.ts";
import { Orders } from "./orders.ts";
import { PlacedOrders } from "./placed-orders.ts";
import { openSharedCache } from "../storage/mod.ts";
import { openPrices, type Prices } from "./priced.ts";
import { returnSaga } from "./return-saga.ts";
import { Returns } from "./returns.ts";
import { openStepLatency, type StepLatency } from "./step-latency-system.ts";

/** Whom the orders call. */
export const needs = { catalog, inventory, payments, shipping };

// Above the importer's orders under way: those that wait for their turn at the stock hold a place each, and the one whose turn it is
// needs one too.
const runsAtOnce = 1_024;
/** The orders under way several times over. More only costs memory: an order that has ended is seldom looked at again. */
const cachedStreams = 4_000;

/** What the handlers share. */
export interface OrderDesk {
  readonly store: EventStore;
  readonly orders: Orders;
  readonly returns: Returns;
  readonly watch: OrderWatch;
  readonly corrections: Corrections;
  readonly imports: Imports;
  readonly latency: StepLatency;
  readonly prices: Prices;
}

/** Opens stores, sagas and imports; they close with the service. */
export async function openDesk(
  context: OpenContext<typeof orders, typeof needs, Engine>,
  settings: ShopSettings,
): Promise<OrderDesk> {
  const { clock, emit, engine, needs: neighbours, random, resources } = context;
  const store = await openEventStore({ engine, cacheStreams: cachedStreams, requires: "process" });
  const placed = new PlacedOrders(store);
  const watch = new OrderWatch(clock);
  const latency = resources.use(openStepLatency());
  const order = orderSaga({ store, needs: neighbours, emit, placed, watch });
  const giveBack = returnSaga({ store, needs: neighbours, emit });
  const sagas = resources.use(await openSagas({ engine, sagas: [order, giveBack], concurrency: runsAtOnce, random }));
  const taken = new Orders({ store, sagas, saga: order, placed, watch });
  const returns = new Returns({ store, sagas, saga: giveBack, emit, watch });
  const corrections = await openCorrections({ engine, random, needs: neighbours }, resources);
  const ended = (saga: string, id: string): Promise<RunOutcome> =>
    saga === order.name ? taken.ended(id) : returns.ended(id);
  const imports = new Imports({
    engine,
    orders: taken,
    returns,
    corrections,
    inventory: neighbours.inventory,
    settings,
    openRuns: () => openRuns(sagas, ended),
  });
  const sharing = await openSharedCache(settings, { name: "prices", clock, random, resources });
  const prices = resources.use(await openPrices(sharing, { clock, random }));
  return { store, orders: taken, returns, watch, corrections, imports, latency, prices };
}

async function* openRuns(
  sagas: Sagas,
  ended: (saga: string, id: string) => Promise<RunOutcome>,
): AsyncGenerator<{ ended(): Promise<RunOutcome> }> {
  for await (const { saga, id, finishedAtMs } of sagas.list({ limit: Number.MAX_SAFE_INTEGER }))
    if (finishedAtMs === undefined) yield { ended: () => ended(saga, id) };
}

/** Handlers of calls, to be written apart. */
export type OrderCalls = CallHandlers<typeof orders, typeof needs, Engine, OrderDesk>;
/** Handlers of streams. */
export type OrderStreams = StreamHandlers<typeof orders, typeof needs, Engine, OrderDesk>;
