import type { CloserReport } from "./closer.ts";
import type { Phase } from "./phase.ts";

/** How one phase of a shutdown went. */
export interface PhaseReport {
  readonly phase: Phase;
  readonly outcome: "done" | "failed" | "overdue";
  readonly durationMs: number;
  readonly closers: readonly CloserReport[];
}

/** How a shutdown went. */
export interface ShutdownReport {
  /** A signal's name, or what `stop` was given. */
  readonly reason: string;
  readonly outcome: "done" | "failed" | "overdue";
  readonly durationMs: number;
  readonly phases: readonly PhaseReport[];
  /** Names of what was still running when its time was over, with its phase: `finish: orders`. */
  readonly unfinished: readonly string[];
  /** What closers threw, and a TimeoutError for each that was overdue; undefined when all is well. */
  readonly error: AggregateError | undefined;
}

/** The worst of the closers' outcomes: overdue before failed before done. */
export function outcomeOf(parts: readonly { readonly outcome: PhaseReport["outcome"] }[]): PhaseReport["outcome"] {
  if (parts.some(({ outcome }) => outcome === "overdue")) return "overdue";
  return parts.some(({ outcome }) => outcome === "failed") ? "failed" : "done";
}

/** The report of all phases together. */
export function shutdownReport(reason: string, phases: readonly PhaseReport[], durationMs: number): ShutdownReport {
  const closers = phases.flatMap(({ phase, closers }) => closers.map((closer) => ({ phase, ...closer })));
  const bad = closers.filter(({ outcome }) => outcome !== "done");
  const names = bad.map(({ phase, name, outcome }) => `${phase}: ${name} ${outcome}`).join(", ");
  return {
    reason,
    outcome: outcomeOf(phases),
    durationMs,
    phases,
    unfinished: bad.filter(({ outcome }) => outcome === "overdue").map(({ phase, name }) => `${phase}: ${name}`),
    error:
      bad.length === 0
        ? undefined
        : new AggregateError(
            bad.map(({ error }) => error),
            `the shutdown did not go well: ${names}`,
          ),
  };
}
