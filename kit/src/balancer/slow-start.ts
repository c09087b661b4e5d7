import type { Slot } from "./slot.ts";

// Below a tenth an endpoint would get too little to warm up by.
const warmthMin = 0.1;

/** Lets the traffic of a slot rise from now on. */
export function beginWarmth(slot: Slot, nowMs: number, slowStartMs: number): void {
  slot.warmFromMs = nowMs;
  slot.warmUntilMs = nowMs + slowStartMs;
}

/** The part of its share that a slot gets now: from 0.1 rising evenly to 1. */
export function warmth(slot: Slot, nowMs: number): number {
  if (nowMs >= slot.warmUntilMs) return 1;
  return Math.max(warmthMin, (nowMs - slot.warmFromMs) / (slot.warmUntilMs - slot.warmFromMs));
}
