import { ConfigError, integerIn, oneOf, textOf } from "../errors/mod.ts";
import type { CellEngine, Enqueue, MessageEngine } from "../engine/mod.ts";
import type { Cron } from "./cron.ts";
import { type Timetable, timetableOf } from "./timetable.ts";

/** One firing, as the function that makes a job's input sees it. */
export interface Firing {
  readonly schedule: string;
  /** The time of the timetable, not the time at which the job is added. */
  readonly scheduledAtMs: number;
}

/** One schedule: when, into which queue, and what. */
export interface ScheduleEntry<T> {
  /** Names the schedule for all processes and across restarts. 1 to 255 characters. */
  readonly name: string;
  /** A cron expression (in UTC) or the value of `cron(expression, { timeZone })`. Exactly one of `cron` and `everyMs`. */
  readonly cron?: string | Cron | undefined;
  /** Fixed distance, 100 ms to 366 days, counted from when the schedule was first opened. */
  readonly everyMs?: number | undefined;
  /** An opened queue on the same engine. */
  readonly queue: ScheduleTarget<T>;
  readonly input: T | ((firing: Firing) => T);
  /** What happens to times at which no process was running: `latest` (default) fires once for all of them; `all` fires each, the latest
   *  `catchUpMax` at most; `none` fires none that is more than a minute late. */
  readonly catchUp?: "latest" | "all" | "none" | undefined;
  /** 1 to 1000, default 100. */
  readonly catchUpMax?: number | undefined;
}

/** Keeps the times in cells, and adds a job in the commit that moves its time on. */
export type ScheduleEngine = CellEngine & MessageEngine;

/** The part of a queue that a schedule needs. */
export interface ScheduleTarget<T> {
  readonly engine: MessageEngine;
  change(input: T, options?: { readonly headers?: Readonly<Record<string, string>> }): Enqueue;
}

/** An entry with its defaults, in range, whose input no longer shows its type. */
export interface Resolved {
  readonly name: string;
  readonly tableAt: (anchorMs: number) => Timetable;
  readonly catchUp: "latest" | "all" | "none";
  readonly catchUpMax: number;
  readonly add: (firing: Firing) => Enqueue;
}

/** Throws {@link ConfigError}. */
export function resolved(entry: ScheduleEntry<never>, engine: ScheduleEngine): Resolved {
  const name = textOf("name", entry.name);
  if (entry.queue.engine !== engine)
    throw new ConfigError(
      `schedule "${name}"`,
      "a queue",
      "a queue opened on the schedule's own engine, because both share a commit",
    );
  const inputOf = entry.input as unknown;
  return {
    name,
    tableAt: timetableOf(name, entry),
    catchUp: oneOf("catchUp", entry.catchUp ?? "latest", ["latest", "all", "none"]),
    catchUpMax: integerIn("catchUpMax", entry.catchUpMax ?? 100, { min: 1, max: 1_000 }),
    add: (firing) => {
      const input: unknown = typeof inputOf === "function" ? inputOf(firing) : inputOf;
      const headers = { "ashlar-schedule": name, "ashlar-scheduled-at-ms": String(firing.scheduledAtMs) };
      return entry.queue.change(input as never, { headers });
    },
  };
}
