/** How work ended: with a value, or with an error. */
export type Ended = { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly error: unknown };

/** What an end says about whoever was called. `ignored` says nothing: the caller gave up, or asked for nonsense. */
export type Verdict = "success" | "failure" | "ignored";

/**
 * Says what an end means. Whoever has none takes a value for a success and an error for a failure. An expected error (not found) is a
 * `success`: the dependency answered. Must not throw; called at most once for each end.
 */
export type Judge = (ended: Ended) => Verdict;

/** Importance of a call, highest first: who waits and who is turned away when there is not enough for all. */
export type Priority = "critical" | "normal" | "background";

/** All priorities, highest first. */
export const priorities: readonly Priority[] = ["critical", "normal", "background"];

/** Place of a priority in {@link priorities}. */
export function rankOf(priority: Priority): number {
  return priority === "normal" ? 1 : priority === "critical" ? 0 : 2;
}
