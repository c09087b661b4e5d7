import type { Change } from "ashlar/engine";
import type { EventStore } from "ashlar/events";
import type { RunOutcome, Sagas } from "ashlar/saga";
import { commitPlanned, type PlannedCommit } from "../commit-loop.ts";
import { customerOrders, orderDecider } from "../orders/mod.ts";
import { callOf, newStream, planCertain, type ShopCall } from "../planning.ts";
import { matchReturn, type Purchase, type ReturnMatch } from "./match-return.ts";
import { returnDecider, type RequestedReturn, type Return, type ReturnLine, type ReturnPart } from "./return.ts";
import type { ReturnSaga } from "./return-saga.ts";

export interface ReturnsOptions {
  readonly store: EventStore;
  readonly sagas: Sagas;
  readonly saga: ReturnSaga;
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

/** What each line found, too. */
export interface MatchedReturn extends PlannedReturn {
  readonly lines: readonly ReturnLine[];
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
    const changes = [...also, recorded, ...planned.changes];
    const { committed } = planned;
    if (customer === undefined || match.parts.length === 0)
      return { changes, committed, saga: "none", lines: match.lines };
    const start = sagas.startChanges(saga, id, { id, customer, parts: match.parts });
    return { changes: [...changes, ...start], committed, saga: "started", lines: match.lines };
  }

  /** Requests a live return. Resolves once it is durable. */
  async request(request: ReturnRequest): Promise<void> {
    await commitPlanned(this.#options.store.engine, () => this.requesting(request, []));
  }

  async find(id: string): Promise<Return | undefined> {
    const { state, version } = await this.#options.store.load(returnDecider, id);
    return version === 0 ? undefined : state;
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
