import type { Clock, ManualClock } from "../../clock/mod.ts";
import type { Engine } from "../../engine/mod.ts";

/** Opens an empty engine of its own for one test. The openers of the engine suite fit. */
export type OpenEngine = (options: { readonly clock: Clock }) => Promise<OpenedEngine>;

/** An engine and how to be rid of it and its data. */
export interface OpenedEngine {
  readonly engine: Engine;
  readonly dispose: () => PromiseLike<void>;
}

/** What a rule works with: a fresh engine on a clock that moves only when told. */
export interface Bed {
  readonly engine: Engine;
  readonly clock: ManualClock;
}

/** One promise of the queue and its proof, which rejects where the promise is broken. */
export interface Rule {
  readonly name: string;
  readonly run: (bed: Bed) => Promise<void>;
}
