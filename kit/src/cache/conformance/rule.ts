import type { ManualClock } from "../../clock/mod.ts";
import type { SharedEntry, SharedTier } from "../mod.ts";

/** The test function of a runner, for example that of vitest or `node:test`. */
export type TestFunction = (name: string, run: () => Promise<void>) => unknown;

/** A tier and how to be rid of it and its data. */
export interface OpenedTier {
  readonly tier: SharedTier;
  /** Lets so much time pass, as the tier sees it: a step of the manual clock, or a sleep, for a tier that goes by a server's time. */
  readonly pass: (ms: number) => Promise<void>;
  readonly dispose: () => PromiseLike<void>;
}

/** Opens an empty tier of its own for one test. */
export type OpenTier = (options: { readonly clock: ManualClock }) => Promise<OpenedTier>;

/** One promise of the port and its proof, which rejects where the promise is broken. */
export interface Rule {
  readonly name: string;
  readonly run: (opened: OpenedTier) => Promise<void>;
}

/** An entry that is fresh for a second and kept for two, unless said otherwise. */
export function entryOf(body: string | undefined, differs: Partial<SharedEntry> = {}): SharedEntry {
  return { body, freshMs: 1_000, keptMs: 2_000, tags: [], version: undefined, ...differs };
}

/** A lease that outlives the test. */
export const lease = { forMs: 60_000, of: "missing-or-stale" } as const;
