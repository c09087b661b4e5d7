import type { Slot } from "./slot.ts";

/** How a call ended: `error` speaks against the endpoint, `cancelled` says nothing of it. */
export type Outcome = "ok" | "error" | "cancelled";

// A tenth: some ten answers forget a peak, so that one slow answer in a hundred does not decide for long.
const gain = 0.1;
const ewmaMaxMs = 600_000;

/**
 * Takes one answer into the moving latency: a slower one counts at once, a faster one by a tenth. An error counts as twice the
 * present latency at least, else whoever fails fast would look best and draw all traffic. A cancelled call counts only when it
 * had already taken longer, else the endpoints whose calls are given up would never be known as slow.
 * Source: peak EWMA of Finagle, with a gain by sample instead of by time.
 */
export function observeLatency(slot: Slot, tookMs: number, outcome: Outcome): void {
  const sampleMs = outcome === "error" ? Math.max(tookMs, 2 * slot.ewmaMs + 1) : tookMs;
  if (sampleMs > slot.ewmaMs) slot.ewmaMs = Math.min(sampleMs, ewmaMaxMs);
  else if (outcome === "ok") slot.ewmaMs += (sampleMs - slot.ewmaMs) * gain;
}

/** Forgets with time, so that an endpoint that was slow once is tried again. */
export function decayLatency(slot: Slot, nowMs: number, decayMs: number): void {
  const idleMs = nowMs - slot.ewmaAtMs;
  // In steps of a hundredth at least: the exponential is the dearest part of a pick.
  if (idleMs * 100 < decayMs) return;
  slot.ewmaMs *= Math.exp(-idleMs / decayMs);
  slot.ewmaAtMs = nowMs;
}
