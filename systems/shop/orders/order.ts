import { decider, eventTypes, reject, type Decider } from "ashlar/events";
import type { PaymentMethodName } from "../contracts/mod.ts";
import { shareOf, type Minor } from "../money.ts";

/** One accepted line of an order. */
export interface OrderLine {
  readonly code: string;
  readonly quantity: number;
  /** Quantity times price, exact. */
  readonly totalMinor: Minor;
}

/** An order as it was placed. */
export interface PlacedOrder {
  readonly lines: readonly OrderLine[];
  /** Absent for guests. */
  readonly customer?: string;
  readonly country: string;
  /** Local time of the business, `YYYY-MM-DD HH:MM:SS`. */
  readonly placedAt: string;
  readonly totalMinor: Minor;
  /** Place in the order in which a replay grants stock. Absent for live orders. */
  readonly ticket?: number;
  /** How it is to be paid. Absent: as this payer always pays. */
  readonly method?: PaymentMethodName;
}

/** Why an order ended without a sale. */
export type Rejection = "out-of-stock" | "payment-declined" | "payment-failed" | "shipping-failed" | "cancelled";

/** Units of an earlier purchase that a return takes back, and what was paid for them. */
export interface TakenBack {
  readonly code: string;
  readonly quantity: number;
  readonly amountMinor: Minor;
}

/** What happens to an order. The stream is `order/<id>`. */
export type OrderEvent =
  | { readonly type: "Placed"; readonly data: PlacedOrder }
  | { readonly type: "StockReserved"; readonly data: { readonly units: number } }
  | { readonly type: "Charged"; readonly data: { readonly amountMinor: Minor; readonly method: string } }
  | { readonly type: "ParcelSent"; readonly data: { readonly tracking: string } }
  | { readonly type: "Confirmed"; readonly data: object }
  /** The customer does not want it any more. What was done for it is undone as soon as the step that runs has ended. */
  | { readonly type: "CalledOff"; readonly data: { readonly reason: string } }
  | { readonly type: "Refunded"; readonly data: { readonly amountMinor: Minor } }
  | { readonly type: "Rejected"; readonly data: { readonly reason: Rejection } }
  | {
      readonly type: "LinesReturned";
      readonly data: { readonly return: string; readonly taken: readonly TakenBack[] };
    };

/** What of a product can still be returned. */
export interface Returnable {
  readonly code: string;
  readonly quantity: number;
  readonly amountMinor: Minor;
}

export interface Order {
  readonly stage: "unknown" | "placed" | "reserved" | "charged" | "sent" | "confirmed" | "rejected";
  readonly totalMinor: Minor;
  readonly chargedMinor: Minor;
  readonly customer: string | undefined;
  readonly lines: readonly OrderLine[];
  /** One entry a line, in the order of the lines. Filled at confirmation. */
  readonly returnable: readonly Returnable[];
  readonly reason: Rejection | undefined;
  readonly tracking: string | undefined;
  readonly method: PaymentMethodName | undefined;
  readonly wanted: "yes" | "called off";
}

export type OrderCommand =
  | { readonly kind: "place"; readonly order: PlacedOrder }
  | { readonly kind: "note reserved"; readonly units: number }
  | { readonly kind: "note charged"; readonly amountMinor: Minor; readonly method: string }
  | { readonly kind: "note sent"; readonly tracking: string }
  | { readonly kind: "confirm" }
  | { readonly kind: "call off"; readonly reason: string }
  | { readonly kind: "note refunded"; readonly amountMinor: Minor }
  | { readonly kind: "reject"; readonly reason: Rejection }
  | { readonly kind: "take back"; readonly return: string; readonly taken: readonly TakenBack[] };

export interface OrderRefusal {
  readonly stage: Order["stage"];
}

const unknown: Order = {
  stage: "unknown",
  totalMinor: 0,
  chargedMinor: 0,
  customer: undefined,
  lines: [],
  returnable: [],
  reason: undefined,
  tracking: undefined,
  method: undefined,
  wanted: "yes",
};

/** The stages through which an order goes, in order; and what each command needs. */
export const orderDecider: Decider<Order, OrderCommand, OrderEvent, OrderRefusal> = decider({
  name: "order",
  events: eventTypes<OrderEvent>({
    Placed: {},
    StockReserved: {},
    Charged: {},
    ParcelSent: {},
    Confirmed: {},
    CalledOff: {},
    Refunded: {},
    Rejected: {},
    LinesReturned: {},
  }),
  initial: () => unknown,
  decide: decideOrder,
  evolve: evolveOrder,
});

function decideOrder(order: Order, command: OrderCommand): ReturnType<typeof orderDecider.decide> {
  const { stage } = order;
  const when =
    (...stages: readonly Order["stage"][]) =>
    (event: OrderEvent): ReturnType<typeof orderDecider.decide> =>
      stages.includes(stage) ? [event] : reject({ stage });
  switch (command.kind) {
    case "place":
      return when("unknown")({ type: "Placed", data: command.order });
    case "call off":
      // Asked twice, it is called off once. A parcel on its way can only be returned.
      if (order.wanted === "called off" && stage !== "rejected") return [];
      return when("placed", "reserved", "charged")({ type: "CalledOff", data: { reason: command.reason } });
    case "note reserved":
      if (order.wanted === "called off") return reject({ stage });
      return when("placed")({ type: "StockReserved", data: { units: command.units } });
    case "note charged":
      return when("reserved")({ type: "Charged", data: { amountMinor: command.amountMinor, method: command.method } });
    case "note sent":
      return when("reserved", "charged")({ type: "ParcelSent", data: { tracking: command.tracking } });
    case "confirm":
      if (order.wanted === "called off") return reject({ stage });
      return when("reserved", "charged", "sent")({ type: "Confirmed", data: {} });
    case "note refunded":
      return when("charged", "sent", "confirmed")({ type: "Refunded", data: { amountMinor: command.amountMinor } });
    case "reject":
      return when(
        "placed",
        "reserved",
        "charged",
        "sent",
        "confirmed",
      )({ type: "Rejected", data: { reason: command.reason } });
    case "take back":
      return decideTakeBack(order, command);
    default:
      throw new Error(`unknown command ${command satisfies never}`);
  }
}

function decideTakeBack(
  order: Order,
  command: Extract<OrderCommand, { kind: "take back" }>,
): ReturnType<typeof orderDecider.decide> {
  if (order.stage !== "confirmed") return reject({ stage: order.stage });
  let left = order.returnable;
  for (const { code, quantity } of command.taken) {
    const found = takeUnits(left, code, quantity);
    if (found.taken.quantity < quantity) return reject({ stage: order.stage });
    ({ left } = found);
  }
  return [{ type: "LinesReturned", data: { return: command.return, taken: command.taken } }];
}

function evolveOrder(order: Order, event: OrderEvent): Order {
  switch (event.type) {
    case "Placed":
      return {
        ...order,
        stage: "placed",
        totalMinor: event.data.totalMinor,
        customer: event.data.customer,
        lines: event.data.lines,
        method: event.data.method,
      };
    case "CalledOff":
      return { ...order, wanted: "called off" };
    case "StockReserved":
      return { ...order, stage: "reserved" };
    case "Charged":
      return { ...order, stage: "charged", chargedMinor: event.data.amountMinor };
    case "ParcelSent":
      return { ...order, stage: "sent", tracking: event.data.tracking };
    case "Confirmed":
      return { ...order, stage: "confirmed", returnable: order.lines.map(returnableOf) };
    case "Refunded":
      return { ...order, chargedMinor: order.chargedMinor - event.data.amountMinor };
    case "Rejected":
      return { ...order, stage: "rejected", reason: event.data.reason, returnable: [] };
    case "LinesReturned":
      return { ...order, returnable: event.data.taken.reduce(without, order.returnable) };
    default:
      throw new Error(`unknown event ${event satisfies never}`);
  }
}

function returnableOf(line: OrderLine): Returnable {
  return { code: line.code, quantity: line.quantity, amountMinor: line.totalMinor };
}

function without(returnable: readonly Returnable[], taken: TakenBack): readonly Returnable[] {
  return takeUnits(returnable, taken.code, taken.quantity).left;
}

/** Takes up to `quantity` units of a product from what an order still holds, first line first, at the price paid. */
export function takeUnits(
  returnable: readonly Returnable[],
  code: string,
  quantity: number,
): { readonly taken: TakenBack; readonly left: readonly Returnable[] } {
  let open = quantity;
  let amountMinor = 0;
  const left = returnable.map((line) => {
    const units = line.code === code ? Math.min(open, line.quantity) : 0;
    if (units === 0) return line;
    const part = shareOf(line.amountMinor, units, line.quantity);
    open -= units;
    amountMinor += part;
    return { code, quantity: line.quantity - units, amountMinor: line.amountMinor - part };
  });
  return { taken: { code, quantity: quantity - open, amountMinor }, left };
}
