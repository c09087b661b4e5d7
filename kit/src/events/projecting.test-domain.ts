import { cellView } from "./cell-view.ts";
import { eventTypes, type EventTypes } from "./event-types.ts";
import { type Projection, projection } from "./projection.ts";

/** What the process that is killed and the test that kills it agree on. */
export type Counted = { readonly type: "Counted"; readonly data: { readonly amount: number } };

export const leaseMs = 300;

export const counted: EventTypes<Counted> = eventTypes<Counted>({ Counted: {} });

export const countProjection: Projection<Counted> = projection<Counted>({
  name: "count",
  version: 1,
  types: counted,
  partitions: 2,
  apply: cellView<Counted, { readonly events: number; readonly amount: number }>({
    key: ({ stream }) => stream,
    initial: () => ({ events: 0, amount: 0 }),
    fold: ({ events, amount }, { data }) => ({ events: events + 1, amount: amount + data.amount }),
  }),
});
