import type { ExpectedCell } from "./cell.ts";
import type { ExpectedVersion } from "./event-record.ts";

/** Whether a stream at version `actual` (0: it does not exist) is as expected. */
export function streamIsAs(expected: ExpectedVersion, actual: number): boolean {
  switch (expected) {
    case "any":
      return true;
    case "new":
      return actual === 0;
    case "existing":
      return actual > 0;
    default:
      return actual === expected;
  }
}

/** Whether a cell at version `actual` (`undefined`: absent or expired) is as expected. */
export function cellIsAs(expected: ExpectedCell, actual: number | undefined): boolean {
  switch (expected) {
    case "any":
      return true;
    case "absent":
      return actual === undefined;
    case "present":
      return actual !== undefined;
    default:
      return actual === expected;
  }
}
