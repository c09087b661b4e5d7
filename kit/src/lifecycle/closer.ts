import { abortable, signalAfter } from "../abort/mod.ts";
import type { Clock } from "../clock/mod.ts";
import { TimeoutError } from "../errors/mod.ts";
import type { Phase } from "./phase.ts";

/** Something to do when the process stops. */
export interface Closer {
  /** Appears in the report; need not be unique. */
  readonly name: string;
  readonly phase: Phase;
  /** The signal aborts when its time is over; then it is not waited for any longer. */
  readonly close: (signal: AbortSignal) => unknown;
}

/** How one closer ended. `overdue`: it was still running when its time was over. */
export interface CloserReport {
  readonly name: string;
  readonly outcome: "done" | "failed" | "overdue";
  readonly durationMs: number;
  readonly error: unknown;
}

/** Runs all at once, each until the same moment. */
export function closeTogether(closers: readonly Closer[], endMs: number, clock: Clock): Promise<CloserReport[]> {
  return Promise.all(closers.map((closer) => closeOne(closer, endMs - clock.monotonic(), clock)));
}

/** Runs one after another, last opened first. One that hangs uses up its own part of the time left, not that of the others. */
export async function closeInTurn(closers: readonly Closer[], endMs: number, clock: Clock): Promise<CloserReport[]> {
  const reports: CloserReport[] = [];
  for (const closer of closers.toReversed()) {
    const left = closers.length - reports.length;
    reports.push(await closeOne(closer, (endMs - clock.monotonic()) / left, clock));
  }
  return reports;
}

/** Also one that has no time left is begun: what is closed late is better than what is not closed. */
async function closeOne({ name, close }: Closer, leftMs: number, clock: Clock): Promise<CloserReport> {
  const startMs = clock.monotonic();
  const limitMs = Math.max(0, Math.round(leftMs));
  using deadline = signalAfter(clock, limitMs, () => new TimeoutError(`closing ${name}`, limitMs));
  const ended = (outcome: CloserReport["outcome"], error?: unknown): CloserReport => {
    return { name, outcome, durationMs: clock.monotonic() - startMs, error };
  };
  try {
    await abortable(Promise.try(close, deadline.signal), deadline.signal);
    return ended("done");
  } catch (error) {
    return ended(deadline.signal.aborted ? "overdue" : "failed", error);
  }
}
