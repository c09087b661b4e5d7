import type { Random } from "../random/mod.ts";
import { type Chooser, type Draw, drawAnother } from "./draw.ts";
import { decayLatency } from "./latency.ts";
import type { Pool } from "./pool.ts";
import type { Slot } from "./slot.ts";

/** Two drawn by weight, the one with fewer requests in flight for its weight. O(1).
 *  Source: Mitzenmacher 2001, the power of two choices in randomized load balancing. */
export function twoChoices(random: Random): Chooser {
  return ofTwo(random, (slot) => slot.inFlight / slot.share);
}

/** Two drawn by weight, the one whose answer is due sooner: latency times what is in flight with this request. O(1). */
export function peakEwma(random: Random, decayMs: number): Chooser {
  return ofTwo(random, (slot, draw) => {
    decayLatency(slot, draw.nowMs, decayMs);
    // One more millisecond: below that differences are noise, and the requests in flight decide.
    return (slot.ewmaMs + 1) * (slot.inFlight / slot.share + 1);
  });
}

/** Of equals the first drawn, so that idle endpoints are picked by weight. */
function ofTwo(random: Random, costOf: (slot: Slot, draw: Draw) => number): Chooser {
  return {
    choose(pool: Pool, draw: Draw): Slot | undefined {
      const { slots } = pool;
      if (draw.skipped === undefined && pool.table === undefined && slots.length > 1) {
        // One number gives both places: the pairs of different places are counted through.
        const pair = (random.next() * slots.length * (slots.length - 1)) | 0;
        const place = (pair / (slots.length - 1)) | 0;
        const step = pair - place * (slots.length - 1);
        return cheaper(slots[place], slots[step < place ? step : step + 1], draw);
      }
      const first = drawAnother(pool, draw, { random });
      return first === undefined ? undefined : cheaper(first, drawAnother(pool, draw, { random, other: first }), draw);
    },
  };

  function cheaper(first: Slot | undefined, second: Slot | undefined, draw: Draw): Slot | undefined {
    if (first === undefined || second === undefined) return first ?? second;
    return costOf(first, draw) <= costOf(second, draw) ? first : second;
  }
}
