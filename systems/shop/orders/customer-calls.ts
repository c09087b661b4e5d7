import { linkSignals } from "ashlar/abort";
import { RefusedError } from "ashlar/engine";
import { customerIndexChange, ordersOfCustomer } from "./customer-index.ts";
import { idFromKey } from "./id-from-key.ts";
import type { OrderCalls, OrderStreams } from "./order-desk.ts";
import { hasEnded, placedView, readOrder, summaryOf, viewOfOrder } from "./order-view.ts";
import { placedOrder, priced } from "./priced.ts";

/** What customers do with orders. */
export const customerCalls: Pick<OrderCalls, "place" | "get" | "list" | "cancel"> = {
  async place({ input, key = "", own, needs: neighbours, clock, commit, fail }) {
    const id = idFromKey("order", key);
    const { lines, unknownItems } = await priced(own.prices, neighbours.catalog, input.items);
    if (unknownItems.length > 0) throw fail.unknownProducts({ items: [...unknownItems] });
    const nowMs = clock.now();
    const placed = placedOrder(input, lines, nowMs);
    const plan = own.orders.placing(id, placed, [customerIndexChange(input.customer, id, nowMs)]);
    const end = await commit({ output: placedView(id, placed, nowMs), changes: plan.changes });
    plan.committed(end);
    if (end.committed) return end.output;
    if (end.refusal.kind === "queue-full") throw fail.overloaded({});
    // Its key was used so long ago that the answer is forgotten: the order is not.
    const known = await readOrder(own.store, id);
    if (known === undefined) throw new RefusedError(end.refusal);
    return known.view;
  },
  async get({ input, own, fail, signal }) {
    const { id, waitSeconds } = input;
    const view = await viewOfOrder(own.store, id);
    if (view === undefined) throw fail.noSuchOrder({ id });
    if (waitSeconds === 0 || hasEnded(view)) return view;
    using waiting = linkSignals([signal]);
    await own.orders.ended(id, { signal: waiting.signal, withinMs: waitSeconds * 1_000 });
    return (await viewOfOrder(own.store, id)) ?? view;
  },
  async list({ input, own, engine }) {
    const { items, next } = await ordersOfCustomer(engine, input.customer, input);
    const found = await Promise.all(items.map((id) => readOrder(own.store, id)));
    const summaries = found.flatMap((order) => (order === undefined ? [] : [summaryOf(order.view)]));
    return next === undefined ? { items: summaries } : { items: summaries, next };
  },
  async cancel({ input, own, fail }) {
    const { id } = input;
    const answer = await own.orders.cancel(id);
    if (answer === "too late") throw fail.tooLate({ id });
    const view = answer === "unknown" ? undefined : await viewOfOrder(own.store, id);
    if (view === undefined) throw fail.noSuchOrder({ id });
    return view;
  },
};

/** An order as it changes. */
export const customerStreams: OrderStreams = {
  async *track({ input, own, fail, signal }) {
    const { id } = input;
    let told = -1;
    while (!signal.aborted) {
      // Before it is read, so that no change is slept over.
      using follower = own.watch.follow(id);
      const view = await viewOfOrder(own.store, id);
      if (view === undefined) throw fail.noSuchOrder({ id });
      if (view.history.length !== told) yield view;
      told = view.history.length;
      if (hasEnded(view)) return;
      await follower.next(signal);
    }
  },
};
