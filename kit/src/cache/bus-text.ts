import type { BusMessage } from "./invalidation-bus.ts";

/** A message as text; undefined for somebody else's words, whose number, if any, listeners will miss. */
export function messageOf(text: string): BusMessage | undefined {
  try {
    const { source, target, mode, olderThan } = JSON.parse(text) as BusMessage;
    return { source, target, mode, olderThan };
  } catch {
    return undefined;
  }
}
