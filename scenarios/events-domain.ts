import { cellView, decider, eventTypes, projection, reject } from "ashlar/events";

/** Money moves; nothing else happens. */
export interface Moved {
  readonly type: "Moved";
  readonly data: { readonly command: string; readonly units: number };
}

interface Move {
  readonly command: string;
  readonly units: number;
}

export const types = eventTypes<Moved>({ Moved: {} });

export const account = decider<number, Move, Moved, "too little">({
  name: "account",
  events: types,
  initial: () => 0,
  decide: (balance, { command, units }) =>
    balance + units < 0 ? reject("too little") : [{ type: "Moved", data: { command, units } }],
  evolve: (balance, { data }) => balance + data.units,
  snapshot: { schema: 1, everyEvents: 5 },
});

export const balances = projection<Moved>({
  name: "balances",
  version: 1,
  types,
  apply: cellView<Moved, number>({
    key: ({ stream }) => stream,
    initial: () => 0,
    fold: (sum, { data }) => sum + data.units,
  }),
});
