import { errorRecord } from "../errors/mod.ts";

const reasonMaxLength = 300;

/** A reason that fits into a report. */
export function clippedReason(text: string): string {
  return text.length <= reasonMaxLength ? text : `${text.slice(0, reasonMaxLength - 1)}…`;
}

/** Why something failed, in one bounded line. */
export function reasonOf(error: unknown): string {
  return clippedReason(errorRecord(error).message);
}
