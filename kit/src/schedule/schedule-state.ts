import { jsonCodec } from "../codec/mod.ts";
import type { CellKey } from "../engine/mod.ts";

/** What all processes know of one schedule. Lies in one cell, whose version is the fence of each firing. */
export interface ScheduleState {
  /** Text of the timetable that `nextAtMs` comes from. */
  readonly timing: string;
  readonly flow: "open" | "paused";
  readonly nextAtMs: number;
  readonly lastAtMs: number | undefined;
  /** When this step was decided. Absent in states of the first version. */
  readonly atMs?: number | undefined;
}

export const firstState: Omit<ScheduleState, "timing" | "nextAtMs"> = { flow: "open", lastAtMs: undefined };

const codec = jsonCodec<ScheduleState>();

export function cellOf(name: string): CellKey {
  return { space: "schedules", key: name };
}

export function readState(text: string): ScheduleState {
  return codec.decode(text);
}

export function stateText(state: ScheduleState): string {
  return codec.encode(state);
}
