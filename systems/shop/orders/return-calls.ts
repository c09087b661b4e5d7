import { RefusedError } from "ashlar/engine";
import { idFromKey } from "./id-from-key.ts";
import type { OrderCalls } from "./order-desk.ts";
import { readOrder } from "./order-view.ts";
import { businessTime } from "./priced.ts";
import { readReturn, requestedView } from "./return-view.ts";
import { linesOf } from "./returns.ts";

// Each round loses to another return of the same order.
const roundsMax = 20;

/** What customers do with returns. */
export const returnCalls: Pick<OrderCalls, "requestReturn" | "getReturn"> = {
  async requestReturn({ input, key = "", own, clock, commit, fail }) {
    const id = idFromKey("return", key);
    const { order } = input;
    const placed = await readOrder(own.store, order);
    if (placed === undefined) throw fail.noSuchOrder({ id: order });
    const { customer } = placed.placed;
    for (let round = 1; ; round++) {
      const nowMs = clock.now();
      const request = { id, customer, placedAt: businessTime(nowMs), lines: linesOf(input.items), order };
      const known = await readReturn(own.store, id);
      if (known !== undefined) return known.view;
      const { requested, ...plan } = await own.returns.requesting(request, []);
      const isWhole = requested.lines.every((line) => line.matched === line.quantity);
      if (plan.saga === "none" || !isWhole) throw fail.notReturnable({});
      const end = await commit({ output: requestedView(id, requested, nowMs), changes: plan.changes });
      plan.committed(end);
      if (end.committed) return end.output;
      if (end.refusal.kind === "queue-full") throw fail.overloaded({});
      if (end.refusal.kind !== "version-conflict" || round === roundsMax) throw new RefusedError(end.refusal);
    }
  },
  async getReturn({ input, own, fail }) {
    const found = await readReturn(own.store, input.id);
    if (found === undefined) throw fail.noSuchReturn({ id: input.id });
    return found.view;
  },
};
