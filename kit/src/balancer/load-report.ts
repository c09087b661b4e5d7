import type { Slot } from "./slot.ts";

// An idle endpoint reports nearly nothing; without an offset its share would have no bound.
const offset = 0.1;
const factorMax = 2;

/**
 * Sets each share: the weight, corrected by the reported load, 1 on average. Twice the mean load gives 0.71 of the weight, half of
 * it 1.41, never beyond factor two. The root damps: a correction in full answers its own last one, and the traffic swings.
 */
export function setShares(slots: readonly Slot[]): void {
  const loads = slots.flatMap(({ endpoint }) => (endpoint.load === undefined ? [] : [endpoint.load]));
  const mean = loads.reduce((sum, load) => sum + load, 0) / loads.length;
  for (const slot of slots) slot.share = slot.weight * factorOf(slot.endpoint.load, mean);
  const average = slots.reduce((sum, slot) => sum + slot.share, 0) / slots.length;
  for (const slot of slots) slot.share /= average;
}

function factorOf(load: number | undefined, mean: number): number {
  if (load === undefined) return 1;
  const factor = Math.sqrt((mean + offset) / (load + offset));
  return Math.min(factorMax, Math.max(1 / factorMax, factor));
}
