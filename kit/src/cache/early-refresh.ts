import type { Random } from "../random/mod.ts";

// A draw beyond it comes once in 500 million reads: further from its end no entry needs a draw.
const reach = 20;

/** From when on a read of an entry draws whether to refresh it; `costMs` is what the load took. */
export function drawsFromMs(freshUntilMs: number, costMs: number, factor: number): number {
  return freshUntilMs - costMs * factor * reach;
}

/**
 * Whether this read refreshes ahead of the end. With many readers about one does so, the earlier the dearer the load is.
 * Source: Vattani, Chierichetti and Lowenstein, "Optimal probabilistic cache stampede prevention" (XFetch), VLDB 2015.
 */
export function refreshesEarly(leftMs: number, costMs: number, random: Pick<Random, "next">): boolean {
  return -costMs * Math.log(1 - random.next()) >= leftMs;
}
