import type { Clock, ManualClock } from "../../clock/mod.ts";
import type { LimiterStore } from "../mod.ts";

/** A store under test with what only its opener can do to it. */
export interface StoreFixture {
  readonly store: LimiterStore;
  /** A further store on the same data, as another process would open it. Absent where each store is alone. Disposed by `dispose`. */
  readonly openAnother?: (() => Promise<LimiterStore>) | undefined;
  /** Closes whatever is still open and removes the data. */
  readonly dispose: () => Promise<void>;
}

/** Opens an empty store of its own for one test, which takes its time from the clock. */
export type OpenStore = (options: { readonly clock: Clock }) => Promise<StoreFixture>;

/** What a rule works with: an empty store on a clock that stands still. */
export interface Bed {
  readonly store: LimiterStore;
  readonly clock: ManualClock;
  readonly fixture: StoreFixture;
}

/** One rule of the port and its proof, which rejects when the store breaks it. */
export interface StoreRule {
  readonly name: string;
  readonly run: (bed: Bed) => Promise<void>;
}

/** The test function of a runner, for example that of vitest or `node:test`. */
export interface TestFunction {
  (name: string, run: () => Promise<void>): unknown;
  readonly skip: (name: string, run: () => Promise<void>) => unknown;
}

/** A rule that a store cannot keep, and why. The name is exact. */
export interface Skip {
  readonly name: string;
  readonly reason: string;
}
