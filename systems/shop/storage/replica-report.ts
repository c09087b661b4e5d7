/** Where reads go. `missed`: some have gone to the primary since then, which may pass. `primary`: so many that it was said; the latest one then. */
export type ReadsState =
  | { readonly kind: "replica" }
  | { readonly kind: "missed"; readonly sinceMs: number }
  | { readonly kind: "primary"; readonly latestMs: number };

/** One read, and when it was answered. */
export interface AnsweredRead {
  readonly from: "replica" | "primary";
  /** Of the replica. */
  readonly status: "up" | "away";
  readonly nowMs: number;
}

/** A replica that is behind for less time is worth no word, and one that answers for less is not back. */
const settledMs = 5_000;

/** What is known after a read. That reads go to the primary is said when the state becomes `primary`, and that they do no longer when it ceases to be: so a
 *  replica that comes and goes is told of once. */
export function afterRead(state: ReadsState, { from, status, nowMs }: AnsweredRead): ReadsState {
  if (from === "replica")
    return state.kind === "primary" && nowMs - state.latestMs < settledMs ? state : { kind: "replica" };
  if (state.kind === "primary" || status === "away") return { kind: "primary", latestMs: nowMs };
  if (state.kind === "replica") return { kind: "missed", sinceMs: nowMs };
  return nowMs - state.sinceMs < settledMs ? state : { kind: "primary", latestMs: nowMs };
}
