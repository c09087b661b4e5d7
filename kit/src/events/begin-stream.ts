import type { Append, CommitResult } from "../engine/mod.ts";
import type { AnyDecider } from "./decider.ts";
import type { DomainEvent } from "./domain-event.ts";
import type { StateCache } from "./state-cache.ts";

/** The first events of something new, for the caller's own commit. */
export interface Begun {
  readonly change: Append;
  /** To be told how the commit fared: what began is then known here, and the next command on it reads nothing. May be left out. */
  committed(result: Pick<CommitResult, "committed">): void;
}

/** What will be known of a stream once its first events are committed. */
export function begun(
  cache: StateCache,
  change: Append,
  first: { readonly decider: AnyDecider; readonly state: unknown; readonly events: readonly DomainEvent[] },
): Begun {
  const { decider, events } = first;
  return {
    change,
    committed({ committed }) {
      // Somebody may have looked meanwhile, and know more.
      if (!committed || cache.get(change.stream, decider) !== undefined) return;
      const state: unknown = events.reduce<unknown>((at, event) => decider.evolve(at, event), first.state);
      const version = events.length;
      cache.set(change.stream, { owner: decider, version, state, confirmedVersion: version, confirmedState: state });
    },
  };
}
