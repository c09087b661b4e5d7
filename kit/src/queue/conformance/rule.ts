import type { Clock, ManualClock } from "../../clock/mod.ts";
import type { CellEngine, MessageEngine } from "../../engine/mod.ts";

/** What the rules use of an engine. */
export type QueueStore = MessageEngine & CellEngine;

/** Opens an empty engine of its own for one test. The openers of the engine suite fit. */
export type OpenEngine = (options: { readonly clock: Clock }) => Promise<OpenedEngine>;

/** An engine and how to be rid of it and its data. */
export interface OpenedEngine {
  readonly engine: QueueStore;
  readonly dispose: () => PromiseLike<void>;
}

/** What a rule works with: a fresh engine on a clock that moves only when told. */
export interface Bed {
  readonly engine: QueueStore;
  readonly clock: ManualClock;
}

/** One promise of the queue and its proof, which rejects where the promise is broken. */
export interface Rule {
  readonly name: string;
  readonly run: (bed: Bed) => Promise<void>;
}
