import type { Change, CommitResult, Committer, Refusal } from "ashlar/engine";
import { RefusedError } from "ashlar/engine";

/** Changes that were planned on what was known, and what to do once it is known how they fared. */
export interface PlannedCommit {
  readonly changes: readonly Change[];
  readonly committed: (result: Pick<CommitResult, "committed">) => void;
}

// Each round loses to somebody who won: a hundred in a row mean that something else is wrong.
const roundsMax = 100;

/** Plans and commits, anew when somebody else changed a stream or cell meanwhile (`isPassing` decides which refusals that is).
 *  Returns a refusal that planning anew cannot answer. Throws RefusedError when it loses a hundred times. */
export async function commitPlanned(
  committer: Committer,
  plan: () => Promise<PlannedCommit>,
  isPassing: (refusal: Refusal) => boolean = isConflict,
): Promise<CommitResult> {
  for (let round = 1; ; round++) {
    const planned = await plan();
    const result = await committer.commit(planned.changes);
    planned.committed(result);
    if (result.committed || !isPassing(result.refusal)) return result;
    if (round === roundsMax) throw new RefusedError(result.refusal);
  }
}

/** Whether somebody else was first. */
export function isConflict(refusal: Refusal): boolean {
  return refusal.kind === "version-conflict" || refusal.kind === "cell-conflict";
}
