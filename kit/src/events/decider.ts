import { ConfigError, integerIn, textOf } from "../errors/mod.ts";
import type { DomainEvent } from "./domain-event.ts";
import type { EventTypes } from "./event-types.ts";

/** A decision against: an expected answer of the domain, not a fault. */
export interface Rejected<Rejection> {
  readonly rejection: Rejection;
}

/** Says no to a command. Nothing is recorded, and the caller gets `rejection` as a value. */
export function reject<const Rejection>(rejection: Rejection): Rejected<Rejection> {
  return { rejection };
}

/** Keeps a copy of the state, so that long streams load quickly. Never needed for correctness: dropped copies are made anew. */
export interface SnapshotRule {
  /** One copy each so many events, 1 or more. */
  readonly everyEvents: number;
  /** Raise it when `State` or `evolve` change: copies of another number are ignored. */
  readonly schema: number;
}

/**
 * The rules of one kind of thing as pure functions. `evolve` returns a new state and leaves the old one alone: states are
 * shared between commands in flight. The stream of instance `id` is `name/id`. Source: Chassaing, "Functional event sourcing decider", 2021.
 */
export interface Decider<State, Command, Event extends DomainEvent, Rejection> {
  readonly name: string;
  readonly events: EventTypes<Event>;
  readonly snapshot?: SnapshotRule | undefined;
  initial(): State;
  decide(state: State, command: Command): readonly Event[] | Rejected<Rejection>;
  evolve(state: State, event: Event): State;
}

/** Any decider, for code that does not care which. */
export type AnyDecider = Decider<unknown, never, DomainEvent, unknown>;

/** The state of a decider. */
export type StateOf<D extends AnyDecider> = ReturnType<D["initial"]>;
/** The commands of a decider. */
export type CommandOf<D extends AnyDecider> = Parameters<D["decide"]>[1];
/** The events of a decider. */
export type EventOf<D extends AnyDecider> = Parameters<D["evolve"]>[1];
/** The rejections of a decider; `never` when it accepts everything. */
export type RejectionOf<D extends AnyDecider> =
  Extract<ReturnType<D["decide"]>, Rejected<unknown>> extends Rejected<infer Rejection> ? Rejection : never;

/** Checks the definition and returns it. Throws `ConfigError`: the name has 1 to 200 characters and no "/" or "$". */
export function decider<State, Command, Event extends DomainEvent, Rejection>(
  definition: Decider<State, Command, Event, Rejection>,
): Decider<State, Command, Event, Rejection> {
  const name = textOf("name", definition.name, { lengthMax: 200 });
  if (/[/$]/.test(name)) throw new ConfigError("name", name, 'a name without "/" and "$"');
  if (definition.snapshot !== undefined) {
    integerIn("snapshot.everyEvents", definition.snapshot.everyEvents, { min: 1 });
    integerIn("snapshot.schema", definition.snapshot.schema, { min: 0 });
  }
  return definition;
}

/** The stream of one instance. */
export function streamOf(decider: { readonly name: string }, id: string): string {
  return `${decider.name}/${id}`;
}
