import { hash32 } from "../codec/mod.ts";
import { streamSlots } from "./event-record.ts";

/** The slot of a stream, 0 to 1023: the same on every engine and in every version. */
export function slotOf(stream: string): number {
  return hash32(stream) % streamSlots;
}
