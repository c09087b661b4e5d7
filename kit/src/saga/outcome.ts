import type { ErrorRecord } from "../errors/mod.ts";

/** Why a run was stopped and compensated. */
export interface RunFailure {
  /** What `fail` was given; "step-failed", "child-failed" or "error" when an error ended the run. */
  readonly reason: string;
  readonly detail?: unknown;
  /** The step that failed for good. */
  readonly step?: string | undefined;
  readonly error?: ErrorRecord | undefined;
}

/** Why a run stands still until somebody decides. */
export interface Problem {
  readonly kind: "mismatch" | "unknown-version" | "undo-failed" | "outcome-unknown" | "not-recordable" | "crashed";
  readonly step?: string | undefined;
  readonly error: ErrorRecord;
}

/** How a run ended. `compensated` names the steps that were undone, in the order in which it happened. */
export type FinalOutcome<Output = unknown> =
  | { readonly status: "completed"; readonly output: Output }
  | { readonly status: "failed"; readonly failure: RunFailure; readonly compensated: readonly string[] }
  | { readonly status: "cancelled"; readonly reason: string; readonly compensated: readonly string[] };

/** What is known of a run: its end, that it needs a decision (`retry`, `skip`, `resolve`), or that it was still open when the wait ended. */
export type RunOutcome<Output = unknown> =
  | FinalOutcome<Output>
  | { readonly status: "needs-attention"; readonly problem: Problem }
  | { readonly status: "open" };

/** `waiting`: parked until a time or a wake-up. The last three are final. */
export type RunStatus =
  | "running"
  | "waiting"
  | "compensating"
  | "needs-attention"
  | "completed"
  | "failed"
  | "cancelled";

export function isFinal(status: RunStatus): boolean {
  return status === "completed" || status === "failed" || status === "cancelled";
}
