import type { AnyDecider } from "./decider.ts";

/** A state and the version of the stream it stands for. */
export interface Versioned<State = unknown> {
  readonly version: number;
  readonly state: State;
}

/** Last point to include: a version, or a time of the engine's clock. */
export type AsOf = { readonly version: number } | { readonly atMs: number };

export interface Rehydration {
  readonly decider: AnyDecider;
  readonly stream: string;
  /** Continue from here instead of a snapshot or the beginning. */
  readonly from?: Versioned | undefined;
  readonly asOf?: AsOf | undefined;
}

/** Whether a recorded event lies at or before the point. */
export function isWithin(record: { readonly version: number; readonly recordedAtMs: number }, asOf: AsOf): boolean {
  return "version" in asOf ? record.version <= asOf.version : record.recordedAtMs <= asOf.atMs;
}
