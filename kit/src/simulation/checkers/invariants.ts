import { integerIn } from "../../errors/mod.ts";
import type { Violation } from "./violation.ts";

/** What must hold at every moment. `fault` looks at the state and says in words what is wrong with it, or `undefined`. */
export interface Invariant {
  readonly name: string;
  readonly fault: () => string | undefined;
}

/** Looks at a world's invariants now and then. */
export interface InvariantWatch {
  /** To be called after each event; every `everyEvents`-th call looks at all invariants. */
  afterEvent(): readonly Violation[];
  /** Looks now: at the end of a run, and after an event that matters. */
  look(): readonly Violation[];
}

/** Checks `invariants` after every `everyEvents` events (1 or more; a look costs what its invariants cost). Throws ConfigError. */
export function watchInvariants(invariants: readonly Invariant[], everyEvents: number): InvariantWatch {
  integerIn("everyEvents", everyEvents, { min: 1 });
  let events = 0;
  const look = (): readonly Violation[] =>
    invariants.flatMap(({ name, fault }) => {
      const message = fault();
      return message === undefined
        ? []
        : [{ rule: `invariant: ${name}`, message: `after event ${events}: ${message}`, evidence: [] }];
    });
  return {
    afterEvent: () => (++events % everyEvents === 0 ? look() : []),
    look,
  };
}
