import { decider, eventTypes, reject, type Decider } from "ashlar/events";
import type { Units } from "./units.ts";

/** The goods of one order leaving the house: one event in the stream `dispatch/<order>`, however many products it has. They were promised,
 *  and so taken from sale, product by product before; that they leave changes nothing that a later order is decided on. */
export interface DispatchEvent {
  readonly type: "Dispatched";
  readonly data: { readonly units: readonly Units[] };
}

export interface DispatchCommand {
  readonly kind: "dispatch";
  readonly units: readonly Units[];
}

type Dispatch = "waiting" | "gone";

/** An order's goods leave once. */
export const dispatchDecider: Decider<Dispatch, DispatchCommand, DispatchEvent, "dispatched before"> = decider({
  name: "dispatch",
  events: eventTypes<DispatchEvent>({ Dispatched: {} }),
  initial: (): Dispatch => "waiting",
  decide: (state: Dispatch, { units }: DispatchCommand) =>
    state === "gone" ? reject("dispatched before" as const) : [{ type: "Dispatched" as const, data: { units } }],
  evolve: (): Dispatch => "gone",
});
