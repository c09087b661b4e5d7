import { failuresKept } from "./message.ts";

/** The failures of a message with one more: the first stays, the oldest of the others gives way. The input is not changed. */
export function withFailure(failures: readonly string[], failure: string | undefined): readonly string[] {
  if (failure === undefined) return failures;
  if (failures.length < failuresKept) return [...failures, failure];
  return [...failures.slice(0, 1), ...failures.slice(failures.length - failuresKept + 2), failure];
}
