import { ConfigError, integerIn } from "../errors/mod.ts";
import { cron, type Cron } from "./cron.ts";

/** When a schedule fires: repeating times with a text that changes exactly when they do. */
export interface Timetable {
  readonly text: string;
  /** The first time after `afterMs` (exclusive). */
  next(afterMs: number): number;
}

/** `anchorMs`: a time at which an interval is known to fire; its other times lie whole intervals away. */
export function timetableOf(
  name: string,
  timing: { readonly cron?: string | Cron | undefined; readonly everyMs?: number | undefined },
): (anchorMs: number) => Timetable {
  const { everyMs } = timing;
  if ((timing.cron === undefined) === (everyMs === undefined))
    throw new ConfigError(`schedule "${name}"`, timing, "either cron or everyMs");
  if (everyMs !== undefined) {
    integerIn("everyMs", everyMs, { min: 100, max: 366 * 86_400_000 });
    const next = (anchorMs: number, afterMs: number): number =>
      anchorMs + (Math.floor((afterMs - anchorMs) / everyMs) + 1) * everyMs;
    return (anchorMs) => ({ text: `every ${everyMs} ms`, next: (afterMs) => next(anchorMs, afterMs) });
  }
  const times = typeof timing.cron === "string" ? cron(timing.cron) : timing.cron;
  if (times === undefined) throw new ConfigError(`schedule "${name}"`, timing, "either cron or everyMs");
  const table = { text: `${times.expression} (${times.timeZone})`, next: (afterMs: number) => times.next(afterMs) };
  return () => table;
}

// A first look back of a minute finds the usual single miss; each further one covers four times as much.
const firstLookMs = 60_000;

/** The latest `limit` times from `dueMs` (itself one of them) to `nowMs`, both inclusive, in order. Cost: about four times `limit` calls
 *  of `next`, however long ago `dueMs` is. */
export function latestTimes(
  table: Timetable,
  { dueMs, nowMs, limit }: { readonly dueMs: number; readonly nowMs: number; readonly limit: number },
): readonly number[] {
  for (let lookMs = firstLookMs; ; lookMs *= 4) {
    const isWhole = nowMs - lookMs <= dueMs;
    const times = isWhole ? [dueMs] : [];
    for (let at = table.next(isWhole ? dueMs : nowMs - lookMs); at <= nowMs; at = table.next(at)) times.push(at);
    if (isWhole || times.length >= limit) return times.slice(-limit);
  }
}
