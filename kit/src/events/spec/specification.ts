import { canonicalJson } from "../../codec/mod.ts";
import type { Decider, DomainEvent, Rejected } from "../mod.ts";

/** A rule of the domain does not hold: the message shows both sides. */
export class SpecificationError extends Error {
  override readonly name = "SpecificationError";
}

/** What the rules said; each method throws {@link SpecificationError} unless it was that. */
export interface Outcome<State, Event extends DomainEvent, Rejection> {
  /** Exactly these events, in this order, followed by nothing. */
  then(events: readonly Event[]): void;
  thenNothing(): void;
  thenRejected(rejection: Rejection): void;
  /** The state after the events that were decided. */
  thenState(state: State): void;
}

/** A history, and the command to try on it. */
export interface Given<State, Command, Event extends DomainEvent, Rejection> {
  when(command: Command): Outcome<State, Event, Rejection>;
  /** The state that the history leads to, without a command. */
  thenState(state: State): void;
}

/** Tests a decider without any store: `given(history).when(command).then(events)`. History passes through the event types as if stored, so
 *  an event that would not survive storage fails here. Values are compared as JSON, whatever the order of their fields. */
export function specification<State, Command, Event extends DomainEvent, Rejection>(
  decider: Decider<State, Command, Event, Rejection>,
): (history: readonly Event[]) => Given<State, Command, Event, Rejection> {
  const fold = (start: State, events: readonly Event[]): State =>
    events.reduce<State>((state, event) => decider.evolve(state, stored(decider, event)), start);
  return (history) => {
    const before = fold(decider.initial(), history);
    return {
      thenState: (state) => expectSame("the state", before, state),
      when(command) {
        const decision = decider.decide(before, command);
        const events = isRejected(decision) ? [] : decision;
        const accepted = (): void => {
          if (isRejected(decision))
            throw new SpecificationError(`expected events, but it was rejected: ${shown(decision.rejection)}`);
        };
        const then = (expected: readonly Event[]): void => {
          accepted();
          expectSame(
            "the events",
            events.map((event) => stored(decider, event)),
            expected,
          );
        };
        return {
          // oxlint-disable-next-line unicorn/no-thenable -- the word that given and when call for; nobody awaits an outcome
          then,
          thenNothing: () => then([]),
          thenRejected(rejection) {
            if (!isRejected(decision))
              throw new SpecificationError(`expected a rejection, got events: ${shown(events)}`);
            expectSame("the rejection", decision.rejection, rejection);
          },
          thenState(state) {
            accepted();
            expectSame("the state", fold(before, events), state);
          },
        };
      },
    };
  };
}

function stored<Event extends DomainEvent>(
  { events }: { readonly events: Decider<unknown, unknown, Event, unknown>["events"] },
  event: Event,
): Event {
  const { type, schema = 1, data, meta } = events.encode(event);
  const back = events.decode({
    type,
    schema,
    data,
    meta,
    stream: "specification",
    version: 1,
    position: 1,
    recordedAtMs: 0,
  });
  if (back === undefined) throw new SpecificationError(`event type ${type} is not listed`);
  return back;
}

function isRejected<Rejection>(
  decision: readonly DomainEvent[] | Rejected<Rejection>,
): decision is Rejected<Rejection> {
  return "rejection" in decision;
}

function expectSame(what: string, actual: unknown, expected: unknown): void {
  if (canonicalJson(actual ?? null) === canonicalJson(expected ?? null)) return;
  throw new SpecificationError(`${what} differ\n  expected ${shown(expected)}\n  actual   ${shown(actual)}`);
}

function shown(value: unknown): string {
  return JSON.stringify(value) ?? "undefined";
}
