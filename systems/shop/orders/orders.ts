import type { Change } from "ashlar/engine";
import type { EventStore } from "ashlar/events";
import type { RunOutcome, Sagas } from "ashlar/saga";
import type { PlannedCommit } from "../commit-loop.ts";
import { newStream } from "../planning.ts";
import { orderDecider, type PlacedOrder } from "./order.ts";
import type { OrderSaga } from "./order-saga.ts";
import type { OrderWatch } from "./order-watch.ts";
import type { PlacedOrders } from "./placed-orders.ts";

export interface OrdersOptions {
  readonly store: EventStore;
  readonly sagas: Sagas;
  readonly saga: OrderSaga;
  readonly placed: PlacedOrders;
  readonly watch: OrderWatch;
}

/** Takes orders, follows them and calls them off. */
export class Orders {
  readonly #options: OrdersOptions;

  constructor(options: OrdersOptions) {
    this.#options = options;
  }

  /** The commit that places an order and starts its saga; `also` goes with it. The id is new: a repeat meets a version conflict. */
  placing(id: string, order: PlacedOrder, also: readonly Change[]): PlannedCommit {
    const { store, sagas, saga } = this.#options;
    const placed = newStream(store, orderDecider, { id, command: { kind: "place", order } });
    return {
      changes: [...also, placed.change, ...sagas.startChanges(saga, id, { id })],
      committed: (result) => {
        placed.committed(result);
        if (result.committed) this.#options.placed.remember(id, order);
      },
    };
  }

  /** Waits for the end of an order's saga. */
  ended(id: string, options?: { readonly signal?: AbortSignal; readonly withinMs?: number }): Promise<RunOutcome> {
    const { sagas, saga } = this.#options;
    return sagas.run(saga, id).result(options);
  }

  /** Calls an order off: what was done for it is undone. One that is on its way to the customer, or has ended, stays as it is.
   *  An event and not a message to the saga, so that the order's own stream decides whether this or the confirmation came first. */
  async cancel(id: string): Promise<"called off" | "too late" | "unknown"> {
    const { store } = this.#options;
    const answer = await store.execute(orderDecider, id, { kind: "call off", reason: "cancelled by the customer" });
    this.#options.watch.changed(id);
    if (answer.status !== "rejected") return "called off";
    return answer.rejection.stage === "unknown" ? "unknown" : "too late";
  }
}
