import { isConflict, type PlannedCommit } from "../commit-loop.ts";
import { RefusedError, type Engine } from "ashlar/engine";

/** What stands under an id, from before or since now. */
export type Once<Found, Refused> =
  | { readonly kind: "found"; readonly found: Found }
  | { readonly kind: "committed" }
  | { readonly kind: "refused"; readonly refused: Refused }
  | { readonly kind: "overloaded" };

export interface OnceOptions<Found, Refused> {
  readonly engine: Engine;
  /** What stands there already. */
  readonly find: () => Promise<Found | undefined>;
  /** The commit that puts it there, or why there is none. May throw when it stands there meanwhile. */
  readonly plan: () => Promise<{ readonly commit: PlannedCommit } | { readonly refused: Refused }>;
}

const roundsMax = 20;

/** Commits what is not there yet. Of several callers with one id, in whatever process, one commits and the others find. */
export async function commitOnce<Found, Refused>(options: OnceOptions<Found, Refused>): Promise<Once<Found, Refused>> {
  const { engine, find, plan } = options;
  for (let round = 1; ; round++) {
    const found = await find();
    if (found !== undefined) return { kind: "found", found };
    const planned = await plan().catch(async (error: unknown) => {
      const meanwhile = await find();
      if (meanwhile === undefined) throw error;
      return { found: meanwhile };
    });
    if ("found" in planned) return { kind: "found", found: planned.found };
    if ("refused" in planned) return { kind: "refused", refused: planned.refused };
    const { commit } = planned;
    const result = await engine.commit(commit.changes);
    commit.committed(result);
    if (result.committed) return { kind: "committed" };
    if (result.refusal.kind === "queue-full") return { kind: "overloaded" };
    if (!isConflict(result.refusal) || round === roundsMax) throw new RefusedError(result.refusal);
  }
}
