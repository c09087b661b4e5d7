import type { Clock, ManualClock } from "../../clock/mod.ts";
import type { Engine } from "../../engine/mod.ts";
import type { EventStore } from "../mod.ts";

/** An engine under test with what only its opener can do to it. */
export interface EventsFixture {
  readonly engine: Engine;
  /** A further engine on the same data, as another process would have it. Absent when `can.sharing` is "one process". Disposed by `dispose`. */
  readonly openAnother?: (() => Promise<Engine>) | undefined;
  /** Closes whatever is still open and removes the data. */
  readonly dispose: () => Promise<void>;
}

/** Opens an empty engine of its own for one test. */
export type OpenEventsEngine = (options: { readonly clock: Clock }) => Promise<EventsFixture>;

/** What a rule works with: a store on a fresh engine, on a clock that stands still. */
export interface EventsBed {
  readonly store: EventStore;
  readonly engine: Engine;
  readonly clock: ManualClock;
  /** Another engine on the same data where that exists, else the same one. */
  readonly another: () => Promise<Engine>;
}

/** One promise of the events capability and its proof. */
export interface EventsRule {
  readonly name: string;
  readonly run: (bed: EventsBed) => Promise<void>;
  /** `flows`: time goes on while the rule waits, because engines of several processes wait for each other by the clock. Default: it stands still. */
  readonly time?: "flows" | undefined;
}

/** The test function of a runner, for example that of vitest or `node:test`. */
export interface TestFunction {
  (name: string, run: () => Promise<void>): unknown;
  readonly skip: (name: string, run: () => Promise<void>) => unknown;
}
