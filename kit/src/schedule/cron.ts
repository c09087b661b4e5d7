import { ConfigError } from "../errors/mod.ts";
import { nextLocal } from "./calendar.ts";
import { type CronFields, parseCron } from "./cron-fields.ts";
import { timeZone as zoneOf, type TimeZone } from "./time-zone.ts";

/** Repeating times. */
export interface Cron {
  readonly expression: string;
  readonly timeZone: string;
  /** The first of its times after `afterMs` (exclusive), in epoch milliseconds. */
  next(afterMs: number): number;
}

/** Whose clock counts. */
export interface CronOptions {
  /** IANA name whose calendar and clock count. Default `UTC`, never that of the machine: all processes must agree. */
  readonly timeZone?: string | undefined;
}

/** Times by a cron expression: minute, hour, day of month, month, day of week, with an optional second in front. Each field takes `*`,
 *  numbers, names (`jan`, `mon`), ranges, lists and steps; 0 and 7 are Sunday. When both day fields are restricted, one that fits is enough.
 *
 *  When clocks change: with a named hour, a time that is skipped fires at the first instant after the gap, once for all that were skipped
 *  in it, and a time that comes twice fires the first time only. With `*` as hour (also `*` with a step) it follows the running of the clock:
 *  skipped times are left out and repeated ones repeat.
 *
 *  Throws {@link ConfigError} for what cannot be read and for days that never come. Cost of `next`: microseconds, up to 20 ms for times years away. */
export function cron(expression: string, options: CronOptions = {}): Cron {
  const fields = parseCron(expression);
  if (nextLocal(fields, 0) === undefined) throw new ConfigError("cron", expression, "a day that exists");
  const zone = zoneOf(options.timeZone ?? "UTC");
  return { expression, timeZone: zone.name, next: (afterMs) => nextInstant(fields, zone, afterMs) };
}

/** Walks from one clock change to the next; between two of them local time is UTC plus a constant. */
function nextInstant(fields: CronFields, zone: TimeZone, afterMs: number): number {
  let fromMs = afterMs;
  let offset = zone.offsetAt(afterMs);
  let local = afterMs + offset;
  if (fields.hourRule === "named") local = Math.max(local, endOfRepeat(zone, afterMs) - 1_000);
  for (;;) {
    const match = nextLocal(fields, local);
    if (match === undefined)
      throw new RangeError(`no time of "${fields.hours.join()}" after ${afterMs} is representable`);
    const at = match - offset;
    const changeMs = zone.changeWithin(fromMs, at);
    if (changeMs === undefined) return at;
    const before = offset;
    offset = zone.offsetAt(changeMs);
    if (isSkipped(fields, changeMs + before, changeMs + offset) && changeMs > afterMs) return changeMs;
    fromMs = changeMs;
    // After a step back, named hours go on where the clock was before it: what comes again has fired already.
    const isRepeatSkipped = fields.hourRule === "named" && offset < before;
    local = (isRepeatSkipped ? changeMs + before : changeMs + offset) - 1_000;
  }
}

/** Local time at which the clock face shows new times again, if `atMs` lies in the hour that comes twice, the second time. */
function endOfRepeat(zone: TimeZone, atMs: number): number {
  const changeMs = zone.changeWithin(atMs - repeatMaxMs, atMs);
  return changeMs === undefined ? -Infinity : changeMs + zone.offsetAt(atMs - repeatMaxMs);
}

// No clock on earth has been put back by more than a day.
const repeatMaxMs = 86_400_000;

/** Whether a step forward from one local time to another leaves out a time that must not be lost. */
function isSkipped(fields: CronFields, fromLocal: number, toLocal: number): boolean {
  if (fields.hourRule === "every" || toLocal <= fromLocal) return false;
  const match = nextLocal(fields, fromLocal - 1_000);
  return match !== undefined && match < toLocal;
}
