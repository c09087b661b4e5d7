import type { Change, CommitResult } from "ashlar/engine";
import { InvariantError } from "ashlar/errors";
import type { AnyDecider, Begun, Calls, CommandOf, Decider, DomainEvent, EventStore } from "ashlar/events";

/** A command for one of the shop's event-sourced things, made by {@link callOf}. */
export interface ShopCall {
  readonly decider: AnyDecider;
  readonly id: string;
  readonly command: unknown;
}

/** A command, checked against its decider here, so that calls of several contexts can stand in one list. */
export function callOf<D extends AnyDecider>(decider: D, id: string, command: CommandOf<D>): ShopCall {
  return { decider, id, command };
}

/** Decisions for a commit of the caller's own, or what was refused. */
export type ShopPlan =
  | {
      readonly status: "accepted";
      readonly changes: readonly Change[];
      readonly committed: (result: Pick<CommitResult, "committed">) => void;
    }
  | {
      readonly status: "rejected";
      readonly rejections: readonly { readonly index: number; readonly rejection: unknown }[];
    };

/** Decides commands of several contexts for one commit: all, or the refusals. */
export async function planCalls(store: EventStore, calls: readonly ShopCall[]): Promise<ShopPlan> {
  // Each call was checked against its own decider where it was made.
  const planned = await store.plan(calls as Calls<readonly AnyDecider[]>);
  if (planned.status === "rejected") return planned;
  return { status: "accepted", changes: planned.changes, committed: (result) => planned.committed(result) };
}

/** As {@link planCalls} for commands that the state of the caller's saga makes possible: a refusal is a bug, and throws. */
export async function planCertain(
  store: EventStore,
  calls: readonly ShopCall[],
): Promise<Extract<ShopPlan, { status: "accepted" }>> {
  const planned = await planCalls(store, calls);
  if (planned.status === "accepted") return planned;
  const refusals = planned.rejections.map(
    ({ index, rejection }) => `${calls[index]?.id}: ${JSON.stringify(rejection)}`,
  );
  throw new InvariantError(`a command that must be possible was refused: ${refusals.join("; ")}`);
}

/** The first events of something new, without a look at whether it is: a stream that exists refuses the commit. */
export function newStream<State, Command, Event extends DomainEvent, Rejection>(
  store: EventStore,
  decider: Decider<State, Command, Event, Rejection>,
  { id, command }: { readonly id: string; readonly command: Command },
): Begun {
  const begun = store.begin(decider, id, command);
  if (begun === undefined) throw new InvariantError(`${decider.name}/${id} cannot begin`);
  return begun;
}
