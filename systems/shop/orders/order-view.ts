import { streamOf, type EventStore, type Stored } from "ashlar/events";
import { formatMinor } from "../money.ts";
import type { OrderView } from "../contracts/mod.ts";
import { currency } from "../currency.ts";
import { orderDecider, type Order, type OrderEvent, type PlacedOrder } from "./order.ts";

type HistoryEntry = OrderView["history"][number];

/** Whether nothing more will happen to it, but for returns. */
export function hasEnded({ status }: Pick<OrderView, "status">): boolean {
  return status === "confirmed" || status === "rejected";
}

/** The order as it is now; `undefined` when there is none. */
export async function viewOfOrder(store: EventStore, id: string): Promise<OrderView | undefined> {
  return (await readOrder(store, id))?.view;
}

/** The line of a list. */
export function summaryOf(view: OrderView): Pick<OrderView, "id" | "status" | "reason" | "placedAt" | "totalMinor"> {
  const { id, status, reason, placedAt, totalMinor } = view;
  return { id, status, ...(reason === undefined ? {} : { reason }), placedAt, totalMinor };
}

/** An order that has just been placed, as it will be read. */
export function placedView(id: string, placed: PlacedOrder, nowMs: number): OrderView {
  const event = { type: "Placed", data: placed } as const;
  const state = orderDecider.evolve(orderDecider.initial(), event);
  return viewOf(id, { placed, state, history: [{ at: new Date(nowMs).toISOString(), event: "placed" }] });
}

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

function viewOf(id: string, order: Omit<RecordedOrder, "view"> & { readonly history: HistoryEntry[] }): OrderView {
  const { placed, state, history } = order;
  return {
    id,
    status: statusOf(state),
    ...(state.reason === undefined ? {} : { reason: state.reason }),
    ...(placed.customer === undefined ? {} : { customer: placed.customer }),
    country: placed.country,
    placedAt: placed.placedAt,
    totalMinor: placed.totalMinor,
    currency,
    ...(state.tracking === undefined ? {} : { tracking: state.tracking }),
    lines: placed.lines.map(({ code, quantity, totalMinor }) => ({ product: code, quantity, totalMinor })),
    history,
  };
}

function statusOf({ stage, wanted }: Order): OrderView["status"] {
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
