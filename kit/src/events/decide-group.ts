import type { AnyDecider, Rejected } from "./decider.ts";
import type { DomainEvent } from "./domain-event.ts";
import type { Versioned } from "./rehydration.ts";
import type { StreamState } from "./state-cache.ts";

/** One command for one instance. */
export interface AnyCall {
  readonly decider: AnyDecider;
  readonly id: string;
  readonly command: never;
}

/** The commands of one plan that meet in one stream, in their order, and what is known of that stream. */
export interface CallGroup {
  readonly decider: AnyDecider;
  readonly stream: string;
  readonly calls: readonly { readonly index: number; readonly command: never }[];
  entry: StreamState | undefined;
  /** Committed version that this very plan has read: a "no" decided on it is not the echo of an old cache. */
  readVersion: number | undefined;
}

/** What the rules say to the commands of one group. */
export interface Verdict {
  readonly group: CallGroup;
  readonly entry: StreamState;
  readonly next: Versioned;
  /** Events of each call that was decided. */
  readonly decisions: readonly (readonly DomainEvent[])[];
  readonly events: readonly DomainEvent[];
  readonly rejection: { readonly index: number; readonly rejection: unknown } | undefined;
}

/** Runs the rules; pure but for them. Stops at the first rejection. */
export function decideGroup(group: CallGroup, entry: StreamState): Verdict {
  const { decider, calls } = group;
  let { state } = entry;
  let decisions: (readonly DomainEvent[])[] | undefined;
  for (const { index, command } of calls) {
    const decision = decider.decide(state, command);
    if (isRejected(decision)) {
      const next = { version: entry.version, state: entry.state };
      const rejection = { index, rejection: decision.rejection };
      return { group, entry, next, decisions: decisions ?? [], events: [], rejection };
    }
    for (const event of decision) state = decider.evolve(state, event);
    // Nearly always there is one: a list that is made with it has room for no more.
    if (decisions === undefined) decisions = [decision];
    else decisions.push(decision);
  }
  decisions ??= [];
  const events = decisions.length === 1 ? (decisions[0] ?? []) : decisions.flat();
  const next = { version: entry.version + events.length, state };
  return { group, entry, next, decisions, events, rejection: undefined };
}

/** A "no", or a "nothing to do", writes nothing, so no version check stands behind it: it counts only on a state that was read just now. */
export function isDoubtful({ group, entry, events }: Verdict): boolean {
  if (events.length > 0) return false;
  return group.readVersion !== entry.version || entry.confirmedVersion !== entry.version;
}

function isRejected(decision: readonly DomainEvent[] | Rejected<unknown>): decision is Rejected<unknown> {
  return "rejection" in decision;
}
