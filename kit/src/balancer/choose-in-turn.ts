import { type Chooser, type Draw, isSkipped } from "./draw.ts";
import type { Pool } from "./pool.ts";
import type { Slot } from "./slot.ts";

/**
 * Each in turn; by weight where weights differ, spread as evenly as whole turns allow. O(1) with even weights, else O(n).
 * Source: the smooth weighted round robin of nginx (2012): all gain their weight, the richest is chosen and pays the sum.
 */
export function roundRobin(): Chooser {
  let turn = 0;
  return {
    choose(pool: Pool, draw: Draw): Slot | undefined {
      if (pool.table !== undefined) return richest(pool, draw, Infinity);
      const { slots } = pool;
      for (let tries = 0; tries < slots.length; tries++) {
        if (turn >= slots.length) turn = 0;
        const slot = slots[turn++];
        if (slot !== undefined && !isSkipped(draw, slot)) return slot;
      }
      return undefined;
    },
  };
}

/** The fewest requests in flight by weight; in turn, by weight, among those that are alike. O(n). */
export function leastRequests(): Chooser {
  let turn = 0;
  return {
    choose(pool: Pool, draw: Draw): Slot | undefined {
      if (pool.table === undefined) return emptiest(pool, draw, turn++);
      let least = Infinity;
      for (const slot of pool.slots) {
        const load = slot.inFlight / slot.share;
        if (load < least && !isSkipped(draw, slot)) least = load;
      }
      return richest(pool, draw, least);
    },
  };
}

/** From another place each time, so that the first of the list is not always the first of equals. */
function emptiest({ slots }: Pool, draw: Draw, turn: number): Slot | undefined {
  let best: Slot | undefined;
  let least = Infinity;
  let place = turn % slots.length;
  for (let left = slots.length; left > 0; left--) {
    const slot = slots[place];
    if (++place === slots.length) place = 0;
    if (slot === undefined || slot.inFlight >= least || isSkipped(draw, slot)) continue;
    best = slot;
    least = slot.inFlight;
  }
  return best;
}

/** One smooth turn among the slots with at most so many requests in flight by weight. */
function richest(pool: Pool, draw: Draw, loadMax: number): Slot | undefined {
  let total = 0;
  let best: Slot | undefined;
  for (const slot of pool.slots) {
    if (slot.inFlight / slot.share > loadMax || isSkipped(draw, slot)) continue;
    total += slot.share;
    slot.credit += slot.share;
    if (best === undefined || slot.credit > best.credit) best = slot;
  }
  if (best !== undefined) best.credit -= total;
  return best;
}
