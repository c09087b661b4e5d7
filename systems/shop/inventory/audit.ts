import type { EventStore } from "ashlar/events";
import type { Units } from "../goods.ts";
import { FaultsFound } from "../faults-found.ts";
import { readLog } from "../read-log.ts";
import type { ReservationEvent } from "./reservation.ts";
import { onHandOf, StockCount, type StockSums } from "./stock-count.ts";
import { stockDecider, type StockEvent } from "./stock.ts";

/** What a recount has found. */
export type StockAudit = Omit<StockSums, "returning"> & {
  readonly onHand: number;
  readonly faults: Record<string, string[]>;
};

/** Counts the stock again from the log. Memory grows with the number of products, and with what is reserved. For a shop at rest. */
export async function auditStock(store: EventStore): Promise<StockAudit> {
  const faults = new FaultsFound();
  const count = new StockCount();
  const held = new Map<string, readonly Units[]>();
  for await (const { kind, id, type, data } of readLog(store.engine, store.log, faults)) {
    if (kind === "stock") count.add(id, { type, data } as StockEvent);
    if (kind !== "reservation") continue;
    const event = { type, data } as ReservationEvent;
    if (event.type === "Reserved") held.set(id, event.data.units);
    if (event.type === "Dispatched") count.dispatched(held.get(id) ?? []);
    if (event.type !== "Reserved") held.delete(id);
  }
  for (const code of count.oversold) faults.add("oversold", code);
  for (const [code, sums] of count.products())
    if (!(await isAsDecided(store, code, sums))) faults.add("miscounted", code);
  const { received, reserved, shipped, restocked, writtenOff, returning } = count.totals();
  const onHand = onHandOf({ received, reserved, shipped, restocked, writtenOff, returning });
  return { received, onHand, reserved, shipped, restocked, writtenOff, faults: faults.record() };
}

/** Whether the plain count agrees with the state that decisions are made on. */
async function isAsDecided(store: EventStore, code: string, sums: StockSums): Promise<boolean> {
  const { state } = await store.load(stockDecider, code);
  // What was shipped is promised for good, and no longer on hand.
  return (
    state.supplied === onHandOf(sums) + sums.shipped &&
    state.promised === sums.reserved + sums.shipped &&
    state.returning === sums.returning
  );
}
