import { systemClock } from "../clock/mod.ts";
import type { AnySaga } from "./context.ts";
import type { SavedJournal } from "./inspect.ts";
import { type Rehearsal, rehearse } from "./rehearse.ts";

/** A run that a definition could not take up. */
export interface JournalFinding extends Rehearsal {
  readonly id: string;
  /** Version that recorded it. */
  readonly version: string;
}

/**
 * Repeats recorded runs (`(await sagas.inspect(definition, id)).journal`, exported from production) with a definition, and names those
 * that it could not take up: for the tests of a change, before it is deployed. Runs no step and writes nothing.
 */
export async function checkJournals(
  definition: AnySaga,
  journals: readonly SavedJournal[],
): Promise<readonly JournalFinding[]> {
  const findings = await Promise.all(
    journals.map(async (journal) => ({
      id: journal.id,
      version: journal.version,
      ...(await rehearse(definition, journal, systemClock)),
    })),
  );
  return findings.filter((finding) => finding.fits === "no");
}
