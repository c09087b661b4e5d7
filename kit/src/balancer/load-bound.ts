import type { Draw } from "./draw.ts";
import type { Pool } from "./pool.ts";

/**
 * A slot may take a request while it has fewer in flight than this times its weight: `loadFactor` times its share of all that are
 * in flight with the new one. With no slot skipped there is always one below its bound. O(1) over
 * the whole set; over a part of it (a zone, a subset, while some are ejected) its own requests are summed up, O(n).
 * Source: Mirrokni, Thorup and Zadimoghaddam 2018, consistent hashing with bounded loads.
 */
export function loadMax(pool: Pool, draw: Draw, loadFactor: number): number {
  return (loadFactor * (inFlightOf(pool, draw) + 1)) / pool.weight;
}

function inFlightOf(pool: Pool, draw: Draw): number {
  if (pool.isWhole) return draw.inFlight;
  let sum = 0;
  for (const slot of pool.slots) sum += slot.inFlight;
  return sum;
}
