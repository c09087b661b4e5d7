import { decider, eventTypes, reject, type Decider } from "ashlar/events";

/** What decides on the stock of one product. The stream is `stock/<SKU>`; quantities are units, 1 or more. That reserved units leave the
 *  house is no part of it: they were taken from sale when they were promised (see reservation.ts).
 *  `Reserved` says how many units came in for it (`received`): an event of their own would make the log a quarter longer. */
export type StockEvent =
  | { readonly type: "Received"; readonly data: { readonly quantity: number } }
  | { readonly type: "Reserved"; readonly data: ForOrder & { readonly received?: number } }
  | { readonly type: "Released"; readonly data: ForOrder & { readonly sale: BackOnSale } }
  | { readonly type: "Restocked"; readonly data: ForOrder & { readonly sale: BackOnSale } }
  | { readonly type: "WrittenOff"; readonly data: { readonly invoice: string; readonly quantity: number } }
  | { readonly type: "ReturnedToSale"; readonly data: { readonly quantity: number } };

export interface ForOrder {
  /** Order, or for `Restocked` the return. */
  readonly order: string;
  readonly quantity: number;
}

/** When released or restocked stock can be sold again. In a replay that is the close of the business day, so that what is
 *  available never depends on how quickly an order failed or a return was handled. */
export type BackOnSale = "at once" | "at day close";

/** Where missing stock comes from: the supplier delivers whatever is missing, or nothing after the first `opening` units. */
export type Supply = { readonly kind: "delivers" } | { readonly kind: "opening"; readonly quantity: number };

export interface Stock {
  /** Units that ever came in, less those written off. */
  readonly supplied: number;
  /** Units that belong to orders, whether they have left the house or not. */
  readonly promised: number;
  /** Units that came back and are not on sale yet. */
  readonly returning: number;
  /** Whether the opening stock was received. */
  readonly opened: "yes" | "no";
}

export type StockCommand =
  | { readonly kind: "reserve"; readonly order: string; readonly quantity: number; readonly supply: Supply }
  | { readonly kind: "release"; readonly order: string; readonly quantity: number; readonly sale: BackOnSale }
  | { readonly kind: "restock"; readonly order: string; readonly quantity: number; readonly sale: BackOnSale }
  | { readonly kind: "write off"; readonly invoice: string; readonly quantity: number; readonly supply: Supply }
  /** Receives what is missing for so many units to be on sale. */
  | { readonly kind: "top up"; readonly quantity: number }
  | { readonly kind: "return to sale" };

/** Why a command is refused: too little to sell, or more released than was promised. */
export interface StockRefusal {
  readonly reason: "out of stock" | "not reserved";
  readonly available: number;
}

const nothing: Stock = { supplied: 0, promised: 0, returning: 0, opened: "no" };

/** What can be promised to the next order. */
export function availableOf(stock: Stock): number {
  return stock.supplied - stock.promised - stock.returning;
}

/** The rules of one product's stock. No order of commands leads to a negative number of available units. */
export const stockDecider: Decider<Stock, StockCommand, StockEvent, StockRefusal> = decider({
  name: "stock",
  // Thousands of orders meet in a stream of a popular product; the copy spares a resumed process reading them all.
  snapshot: { everyEvents: 200, schema: 2 },
  events: eventTypes<StockEvent>({
    Received: {},
    Reserved: {},
    Released: {},
    Restocked: {},
    WrittenOff: {},
    ReturnedToSale: {},
  }),
  initial: () => nothing,
  decide: decideStock,
  evolve: evolveStock,
});

function decideStock(stock: Stock, command: StockCommand): ReturnType<typeof stockDecider.decide> {
  switch (command.kind) {
    case "reserve":
      return decideReserve(stock, command);
    case "release":
      return stock.promised < command.quantity
        ? refuse(stock, "not reserved")
        : [{ type: "Released", data: coming(command) }];
    case "restock":
      return [{ type: "Restocked", data: coming(command) }];
    case "write off":
      return decideWriteOff(stock, command);
    case "top up":
      return received(Math.max(0, command.quantity - availableOf(stock)));
    case "return to sale":
      return stock.returning === 0 ? [] : [{ type: "ReturnedToSale", data: { quantity: stock.returning } }];
    default:
      throw new Error(`unknown command ${command satisfies never}`);
  }
}

function decideReserve(
  stock: Stock,
  command: Extract<StockCommand, { kind: "reserve" }>,
): ReturnType<typeof stockDecider.decide> {
  const { order, quantity, supply } = command;
  const delivery = deliveryFor(stock, quantity, supply);
  if (availableOf(stock) + delivery < quantity) return refuse(stock, "out of stock");
  const came = delivery === 0 ? {} : { received: delivery };
  return [{ type: "Reserved", data: { order, quantity, ...came } }];
}

function decideWriteOff(stock: Stock, command: Extract<StockCommand, { kind: "write off" }>): readonly StockEvent[] {
  const { invoice, quantity, supply } = command;
  // Counted out of what is on sale only: promised units stay promised, whatever the count on the shelf says. A count that finds
  // more missing than there was proves a surplus that was never booked; it is booked first, so that the write-off is what was counted.
  const opening = supply.kind === "opening" && stock.opened === "no" ? supply.quantity : 0;
  const surplus = Math.max(0, quantity - availableOf(stock) - opening);
  return [...received(opening + surplus), { type: "WrittenOff", data: { invoice, quantity } }];
}

/** What the supplier brings before `quantity` units are promised. */
function deliveryFor(stock: Stock, quantity: number, supply: Supply): number {
  if (supply.kind === "opening") return stock.opened === "yes" ? 0 : supply.quantity;
  return Math.max(0, quantity - availableOf(stock));
}

function received(quantity: number): readonly StockEvent[] {
  return quantity === 0 ? [] : [{ type: "Received", data: { quantity } }];
}

function coming(command: ForOrder & { readonly sale: BackOnSale }): ForOrder & { readonly sale: BackOnSale } {
  return { order: command.order, quantity: command.quantity, sale: command.sale };
}

function refuse(stock: Stock, reason: StockRefusal["reason"]): ReturnType<typeof reject<StockRefusal>> {
  return reject<StockRefusal>({ reason, available: availableOf(stock) });
}

function evolveStock(stock: Stock, event: StockEvent): Stock {
  const { quantity } = event.data;
  switch (event.type) {
    case "Received":
      return { ...stock, supplied: stock.supplied + quantity, opened: "yes" };
    case "Reserved": {
      const { received = 0 } = event.data;
      const opened = received > 0 ? "yes" : stock.opened;
      return { ...stock, supplied: stock.supplied + received, promised: stock.promised + quantity, opened };
    }
    case "Released":
      return { ...stock, promised: stock.promised - quantity, returning: stock.returning + later(event.data) };
    case "Restocked":
      return { ...stock, supplied: stock.supplied + quantity, returning: stock.returning + later(event.data) };
    case "WrittenOff":
      return { ...stock, supplied: stock.supplied - quantity };
    case "ReturnedToSale":
      return { ...stock, returning: stock.returning - quantity };
    default:
      throw new Error(`unknown event ${event satisfies never}`);
  }
}

function later(data: { readonly quantity: number; readonly sale: BackOnSale }): number {
  return data.sale === "at once" ? 0 : data.quantity;
}
