import type { Change } from "ashlar/engine";
import type { EventStore } from "ashlar/events";
import type { RunOutcome, Sagas } from "ashlar/saga";
import type { Emit } from "ashlar/service";
import type { orders } from "../contracts/mod.ts";
import type { PlannedCommit } from "../commit-loop.ts";
import { callOf, newStream, planCertain, type ShopCall } from "../planning.ts";
import { customerOrders } from "./customer-orders.ts";
import { orderDecider } from "./order.ts";
import type { OrderWatch } from "./order-watch.ts";
import { productCode } from "../product-code.ts";
import { matchReturn, type Purchase, type ReturnMatch } from "./match-return.ts";
import { returnDecider, type RequestedReturn, type ReturnPart } from "./return.ts";
import type { ReturnSaga } from "./return-saga.ts";

export interface ReturnsOptions {
  readonly store: EventStore;
  readonly sagas: Sagas;
  readonly saga: ReturnSaga;
  readonly emit: Emit<(typeof orders)["events"]>;
  readonly watch: OrderWatch;
}

/** What comes back. */
export interface ReturnRequest {
  readonly id: string;
  readonly customer: string | undefined;
  readonly placedAt: string;
  readonly lines: readonly { readonly code: string; readonly quantity: number }[];
  /** The only order that it may be matched with. Absent: the customer's latest purchases. */
  readonly order?: string;
}

/** A commit that requests a return, and what it found. */
export interface PlannedReturn extends PlannedCommit {
  /** Whether a saga was started: something is to be refunded. */
  readonly saga: "started" | "none";
}

/** What was found, too. */
export interface MatchedReturn extends PlannedReturn {
  readonly requested: RequestedReturn;
}

/** Takes goods back against earlier purchases of the same customer. */
export class Returns {
  readonly #options: ReturnsOptions;

  constructor(options: ReturnsOptions) {
    this.#options = options;
  }

  /** The commit that records a return, takes its units from the purchases they are matched with, and starts the refund. */
  async requesting(request: ReturnRequest, also: readonly Change[]): Promise<MatchedReturn> {
    const { store, sagas, saga } = this.#options;
    const { id, customer, placedAt } = request;
    const match = await this.#match(request);
    const requested: RequestedReturn = { ...match, placedAt, ...(customer === undefined ? {} : { customer }) };
    const recorded = newStream(store, returnDecider, { id, command: { kind: "request", request: requested } });
    const planned = await planCertain(store, takeBack(id, match.parts));
    const changes = [...also, recorded.change, ...planned.changes];
    const committed = (result: { readonly committed: boolean }): void => {
      recorded.committed(result);
      planned.committed(result);
      if (result.committed) for (const { order } of match.parts) this.#options.watch.changed(order);
    };
    if (customer === undefined || match.parts.length === 0) return { changes, committed, saga: "none", requested };
    const taken = match.parts.map(({ code, quantity, amountMinor }) => ({ code, quantity, amountMinor }));
    const start = sagas.startChanges(saga, id, { id, customer, parts: match.parts });
    const told = this.#options.emit.returned({ return: id, taken });
    return { changes: [...changes, told, ...start], committed, saga: "started", requested };
  }

  /** Waits for the end of a return's saga. */
  ended(id: string, options?: { readonly signal?: AbortSignal; readonly withinMs?: number }): Promise<RunOutcome> {
    const { sagas, saga } = this.#options;
    return sagas.run(saga, id).result(options);
  }

  async #match({ customer, lines, order }: ReturnRequest): Promise<ReturnMatch> {
    if (customer === undefined) return matchReturn(lines, []);
    const wanted = new Set(lines.map(({ code }) => code));
    return matchReturn(
      lines,
      await this.#purchases(order === undefined ? await this.#ordersOf(customer, wanted) : [order], wanted),
    );
  }

  /** The customer's orders that had any of the products, the latest first. */
  async #ordersOf(customer: string, wanted: ReadonlySet<string>): Promise<readonly string[]> {
    const orders = await customerOrders(this.#options.store.engine, customer);
    return orders.filter(({ codes }) => codes.some((code) => wanted.has(code))).map(({ order }) => order);
  }

  /** Those of the orders that hold any of the products. */
  async #purchases(orders: readonly string[], codes: ReadonlySet<string>): Promise<readonly Purchase[]> {
    const { store } = this.#options;
    const purchases: Purchase[] = [];
    for (const order of orders) {
      const { state } = await store.load(orderDecider, order);
      const returnable = state.returnable.filter(({ code, quantity }) => quantity > 0 && codes.has(code));
      if (returnable.length > 0) purchases.push({ order, returnable });
    }
    return purchases;
  }
}

/** One command an order, with its parts together. */
function takeBack(id: string, parts: readonly ReturnPart[]): readonly ShopCall[] {
  const byOrder = Map.groupBy(parts, (part) => part.order);
  return Array.from(byOrder, ([order, ofOrder]) => {
    const taken = ofOrder.map(({ code, quantity, amountMinor }) => ({ code, quantity, amountMinor }));
    return callOf(orderDecider, order, { kind: "take back", return: id, taken });
  });
}

/** Items as customers name them, one line a product. */
export function linesOf(
  items: readonly { readonly product: string; readonly quantity: number }[],
): readonly { readonly code: string; readonly quantity: number }[] {
  return items.map(({ product, quantity }) => ({ code: productCode(product), quantity }));
}
