import type { Change } from "../change.ts";
import type { Entry } from "./entry.ts";

/** About how much an engine holds: lengths of texts, and a flat rate for each thing that has them. */
export interface Load {
  bytes: number;
}

/** What a message costs besides its texts. */
const weightOfMessage = 400;

/** What a cell, a dedup key or an inbox entry costs besides its texts. */
export const weightOfSlot = 150;

/** What a message counts for. */
export function weightOf({
  body,
  key,
  headers,
  failures,
}: Pick<Entry, "body" | "key" | "headers" | "failures">): number {
  let bytes = weightOfMessage + body.length + (key?.length ?? 0);
  if (headers !== undefined) for (const [name, text] of Object.entries(headers)) bytes += name.length + text.length;
  for (const failure of failures) bytes += failure.length;
  return bytes;
}

/** What a change would add at most; 0 for those that add nothing, or may make room. */
export function weightAdded(change: Change): number {
  switch (change.op) {
    case "enqueue":
      return change.messages.reduce((sum, { body, key, headers, dedup }) => {
        const remembered = dedup === undefined ? 0 : weightOfSlot + dedup.key.length;
        return sum + remembered + weightOf({ body, key, headers, failures: [] });
      }, 0);
    case "put":
      return change.value === undefined ? 0 : weightOfSlot + change.cell.key.length + change.value.length;
    case "seen":
      return weightOfSlot + change.id.length;
    default:
      return 0;
  }
}
