import { turnoverMap, type TurnoverMap } from "ashlar/collections";
import { InvariantError } from "ashlar/errors";
import type { EventStore } from "ashlar/events";
import { orderDecider, type OrderEvent, type PlacedOrder } from "./order.ts";

/** Orders that this process has placed a moment ago; beyond it the oldest are read from the log, as after a restart. */
const rememberedMax = 4_096;

/** What was ordered, for the sagas: from memory while the order is young, else from the order's stream, where it never changes. */
export class PlacedOrders {
  readonly #store: EventStore;
  readonly #remembered: TurnoverMap<string, PlacedOrder> = turnoverMap();

  constructor(store: EventStore) {
    this.#store = store;
  }

  /** For an order whose placing is committed. */
  remember(id: string, order: PlacedOrder): void {
    this.#remembered.set(id, order);
    if (this.#remembered.size <= rememberedMax) return;
    for (const oldest of this.#remembered.keys()) {
      this.#remembered.delete(oldest);
      return;
    }
  }

  /** Throws InvariantError when there is no such order: its saga was started in the commit that placed it. */
  async find(id: string): Promise<PlacedOrder> {
    const remembered = this.#remembered.get(id);
    if (remembered !== undefined) {
      this.#remembered.delete(id);
      return remembered;
    }
    for await (const event of this.#store.readStream<OrderEvent>(`order/${id}`, { types: orderDecider.events }))
      if (event.type === "Placed") return event.data;
    throw new InvariantError(`order ${id} was never placed`);
  }
}
