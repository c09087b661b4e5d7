import assert from "node:assert/strict";
import { type Decider, decider, type EventStore, type EventTypes, eventTypes, reject, type Stored } from "../mod.ts";

/** The domain of rules to which it does not matter: a counter that never falls below zero. */
export type CounterEvent =
  | { readonly type: "Added"; readonly data: { readonly amount: number } }
  | { readonly type: "Taken"; readonly data: { readonly amount: number } };

export type Counter = Decider<number, { readonly add: number }, CounterEvent, "too little">;

export const counterEvents: EventTypes<CounterEvent> = eventTypes<CounterEvent>({ Added: {}, Taken: {} });

export const counter: Counter = decider<number, { readonly add: number }, CounterEvent, "too little">({
  name: "counter",
  events: counterEvents,
  initial: () => 0,
  decide: (state, { add }) => {
    if (add >= 0) return [{ type: "Added", data: { amount: add } }];
    return state + add < 0 ? reject("too little") : [{ type: "Taken", data: { amount: -add } }];
  },
  evolve: (state, event) => state + signed(event),
});

export function signed(event: CounterEvent): number {
  return event.type === "Added" ? event.data.amount : -event.data.amount;
}

export function added(amount: number): CounterEvent {
  return { type: "Added", data: { amount } };
}

/** Appends one event to each of the streams, in turn. */
export async function appendTo(store: EventStore, ...streams: readonly string[]): Promise<void> {
  for (const [index, stream] of streams.entries()) {
    const appended = await store.append(stream, [added(index + 1)], { expected: "any", types: counterEvents });
    assert.equal(appended.status, "appended");
  }
}

/** `stream@version`, short for assertions on what was seen. */
export function place({ stream, version }: Pick<Stored, "stream" | "version">): string {
  return `${stream}@${version}`;
}

/** A promise that resolves when `isDone` says so; looked at after every turn of the clock. */
export async function until(isDone: () => boolean, clock: { settle(): Promise<void> }): Promise<void> {
  for (let turn = 0; !isDone(); turn++) {
    assert(turn < 200, "what was waited for did not happen");
    await clock.settle();
  }
}
