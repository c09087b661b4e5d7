import { streamOf, type EventStore, type Stored } from "ashlar/events";
import { formatMinor } from "../money.ts";
import { orderDecider, type Order, type OrderEvent, type PlacedOrder } from "../orders/mod.ts";
import { currency } from "./currency.ts";
import type { HistoryEntry, OrderStatus, OrderView } from "./storefront.ts";

/** An order as its stream tells it. */
export interface RecordedOrder {
  readonly placed: PlacedOrder;
  readonly state: Order;
  readonly view: OrderView;
}

/** Reads an order's stream, which is short, once; `undefined` when there is none. */
export async function readOrder(store: EventStore, id: string): Promise<RecordedOrder | undefined> {
  const history: HistoryEntry[] = [];
  let state = orderDecider.initial();
  let placed: PlacedOrder | undefined;
  const options = { types: orderDecider.events };
  for await (const event of store.readStream<OrderEvent>(streamOf(orderDecider, id), options)) {
    if (event.type === "Placed") placed = event.data;
    state = orderDecider.evolve(state, event);
    history.push(historyOf(event));
  }
  return placed === undefined ? undefined : { placed, state, view: viewOf(id, { placed, state, history }) };
}

function viewOf(
  id: string,
  order: Omit<RecordedOrder, "view"> & { readonly history: readonly HistoryEntry[] },
): OrderView {
  const { placed, state, history } = order;
  return {
    id,
    status: statusOf(state),
    reason: state.reason,
    customer: placed.customer,
    country: placed.country,
    placedAt: placed.placedAt,
    totalMinor: placed.totalMinor,
    currency,
    tracking: state.tracking,
    lines: placed.lines.map(({ code, quantity, totalMinor }) => ({ product: code, quantity, totalMinor })),
    history,
  };
}

function statusOf({ stage, wanted }: Order): OrderStatus {
  switch (stage) {
    case "confirmed":
    case "rejected":
      return stage;
    case "unknown":
    case "placed":
      return wanted === "called off" ? "cancelling" : "placed";
    case "reserved":
    case "charged":
      return wanted === "called off" ? "cancelling" : stage;
    case "sent":
      return wanted === "called off" ? "cancelling" : "shipped";
    default:
      throw new Error(`unknown stage ${stage satisfies never}`);
  }
}

function historyOf(event: Stored<OrderEvent>): HistoryEntry {
  return { at: new Date(event.recordedAtMs).toISOString(), event: eventText(event) };
}

function eventText(event: OrderEvent): string {
  switch (event.type) {
    case "Placed":
      return "placed";
    case "StockReserved":
      return "stock reserved";
    case "Charged":
      return `charged ${formatMinor(event.data.amountMinor)} by ${event.data.method}`;
    case "ParcelSent":
      return `parcel sent, tracking ${event.data.tracking}`;
    case "Confirmed":
      return "confirmed";
    case "CalledOff":
      return event.data.reason;
    case "Refunded":
      return `refunded ${formatMinor(event.data.amountMinor)}`;
    case "Rejected":
      return `rejected: ${event.data.reason}`;
    case "LinesReturned":
      return `items returned, return ${event.data.return}`;
    default:
      throw new Error(`unknown event ${event satisfies never}`);
  }
}
