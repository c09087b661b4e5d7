import type { Clock } from "../../clock/mod.ts";
import type { Random } from "../../random/mod.ts";
import { isBusy, SqliteError, sqliteError } from "./sqlite-error.ts";

// SQLite's own handler sleeps up to 100 ms on the thread and is unfair: single commits waited up to a second when two
// processes shared a file. Short random pauses let the processes alternate.
const pauseMinMs = 0.2;
const pauseFirstMaxMs = 2;
const pauseMaxMs = 50;

/** Milliseconds to wait before attempt number `attempt` (1 is the first repeat): random, short first, at most 50. */
export function busyPauseMs(attempt: number, random: Random): number {
  const widestMs = Math.min(pauseMaxMs, pauseFirstMaxMs * 1.5 ** Math.max(0, attempt - 8));
  return pauseMinMs + random.next() * (widestMs - pauseMinMs);
}

/** What waiting for a lock takes. */
export interface BusyWait {
  readonly clock: Clock;
  readonly random: Random;
  /** Longest wait; then SqliteError `busy`. */
  readonly busyMaxMs: number;
}

/** Repeats `run` while another connection holds the lock it needs. Throws SqliteError, `busy` after `busyMaxMs`. */
export async function whileBusy<T>(wait: BusyWait, run: () => T): Promise<T> {
  const deadlineMs = wait.clock.monotonic() + wait.busyMaxMs;
  for (let attempt = 1; ; attempt++) {
    try {
      return run();
    } catch (error) {
      if (!isBusy(error instanceof SqliteError ? error.cause : error)) throw sqliteError(error, "open");
      if (wait.clock.monotonic() >= deadlineMs) throw busyTooLong(wait.busyMaxMs, error);
    }
    await wait.clock.sleep(busyPauseMs(attempt, wait.random));
  }
}

export function busyTooLong(waitedMs: number, cause: unknown): SqliteError {
  return new SqliteError("busy", `another connection held the database for more than ${waitedMs} ms`, { cause });
}
