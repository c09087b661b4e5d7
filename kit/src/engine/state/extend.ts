import type { Receipt } from "../message.ts";
import { heldEntry } from "./judge.ts";
import type { MemoryState } from "./memory-state.ts";

/** Prolongs a lease from now; `false` where the receipt is not the current one. */
export function extendLease(
  state: MemoryState,
  receipt: Receipt,
  { leaseMs, nowMs }: { readonly leaseMs: number; readonly nowMs: number },
): boolean {
  const entry = heldEntry(state, receipt);
  const queue = state.queues.get(receipt.queue);
  if (entry === undefined || queue === undefined) return false;
  queue.setLease(entry, nowMs + leaseMs);
  return true;
}
