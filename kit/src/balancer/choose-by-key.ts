import { type Chooser, type Draw, isSkipped, mixed } from "./draw.ts";
import { loadMax } from "./load-bound.ts";
import type { Pool } from "./pool.ts";
import type { Slot } from "./slot.ts";

/**
 * The endpoint at the key's place in the list by id, each with a stretch as long as its weight; the next one that is available
 * and below its bound otherwise. O(log n). When the set changes most keys move: for a set that seldom changes.
 */
export function keyHash(loadFactor: number): Chooser {
  // A pool never changes, and most picks are from the same.
  let last: Pool | undefined;
  let stretches: Float64Array = new Float64Array();
  return {
    choose(pool: Pool, draw: Draw): Slot | undefined {
      if (last !== pool) stretches = stretchEnds(pool);
      last = pool;
      const end = stretches[stretches.length - 1] ?? 0;
      return firstAdmitted(pool, draw, {
        from: placeOf(stretches, (draw.keyHash / 2 ** 32) * end),
        perWeight: loadMax(pool, draw, loadFactor),
      });
    },
  };
}

/**
 * The endpoint with the highest score for this key, by weight; among those that are available and below their bound. A key moves
 * only when its own endpoint goes, or to one that comes. O(n), and n logarithms where weights differ.
 * Source: Thaler and Ravishankar 1998 (highest random weight); weights by the logarithmic method of Schindelhauer and Schomaker 2005.
 */
export function rendezvous(loadFactor: number): Chooser {
  return {
    choose(pool: Pool, draw: Draw): Slot | undefined {
      const perWeight = loadMax(pool, draw, loadFactor);
      return highest(pool, draw, perWeight) ?? highest(pool, draw, Infinity);
    },
  };
}

/** Looks at the bound only of a slot that would win: most do not, and scores are cheaper than what decides about them. */
function highest(pool: Pool, draw: Draw, perWeight: number): Slot | undefined {
  const { slots, hasEvenWeights } = pool;
  const { keyHash } = draw;
  let best: Slot | undefined;
  let top = -Infinity;
  for (const slot of slots) {
    const hash = mixed(keyHash, slot.salt);
    // The logarithm of a number in (0, 1) over the weight: its maximum falls on each with a chance equal to its weight.
    const score = hasEvenWeights ? hash : Math.log((hash + 0.5) / 2 ** 32) / slot.weight;
    if (score <= top || slot.inFlight >= perWeight * slot.weight || isSkipped(draw, slot)) continue;
    top = score;
    best = slot;
  }
  return best;
}

function stretchEnds({ base }: Pool): Float64Array {
  let end = 0;
  return Float64Array.from(base, (slot) => (end += slot.weight));
}

/** The first place whose stretch ends after `at`. */
function placeOf(ends: Float64Array, at: number): number {
  let low = 0;
  let high = ends.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((ends[middle] ?? 0) > at) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** Walks from a place until a slot is open, not skipped and below its bound; then once more without the bound. */
function firstAdmitted(
  { base, isOpen }: Pool,
  draw: Draw,
  walk: { from: number; perWeight: number },
): Slot | undefined {
  let unbound: Slot | undefined;
  for (let step = 0; step < base.length; step++) {
    const place = (walk.from + step) % base.length;
    const slot = base[place];
    if (slot === undefined || isOpen[place] === 0 || isSkipped(draw, slot)) continue;
    if (slot.inFlight < walk.perWeight * slot.weight) return slot;
    unbound ??= slot;
  }
  return unbound;
}
