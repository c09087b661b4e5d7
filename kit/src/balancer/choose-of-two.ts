import type { Random } from "../random/mod.ts";
import { type Chooser, type Draw, drawAnother } from "./draw.ts";
import { decayLatency } from "./latency.ts";
import { drawSlot, type Pool } from "./pool.ts";
import type { Slot } from "./slot.ts";

/** Two drawn by weight, the one with fewer requests in flight for its weight. O(1).
 *  Source: Mitzenmacher 2001, the power of two choices in randomized load balancing. */
export function twoChoices(random: Random): Chooser {
  return new TwoChoices(random);
}

/** Two drawn by weight, the one whose answer is due sooner: latency times what is in flight with this request. O(1). */
export function peakEwma(random: Random, decayMs: number): Chooser {
  return new PeakEwma(random, decayMs);
}

// Classes, since a process has many balancers: closures made many times over are not inlined, methods are (a third of a pick).
class TwoChoices implements Chooser {
  readonly #random: Random;

  constructor(random: Random) {
    this.#random = random;
  }

  /** Of equals the first drawn, so that idle endpoints are picked by weight. */
  choose(pool: Pool, draw: Draw): Slot | undefined {
    const first = drawTwo(pool, draw, this.#random);
    const { second } = draw;
    if (first === undefined || second === undefined) return first;
    return first.inFlight / first.share <= second.inFlight / second.share ? first : second;
  }
}

class PeakEwma implements Chooser {
  readonly #random: Random;
  readonly #decayMs: number;

  constructor(random: Random, decayMs: number) {
    this.#random = random;
    this.#decayMs = decayMs;
  }

  choose(pool: Pool, draw: Draw): Slot | undefined {
    const first = drawTwo(pool, draw, this.#random);
    const { second } = draw;
    if (first === undefined || second === undefined) return first;
    return this.#costOf(first, draw.nowMs) <= this.#costOf(second, draw.nowMs) ? first : second;
  }

  #costOf(slot: Slot, nowMs: number): number {
    decayLatency(slot, nowMs, this.#decayMs);
    // One more millisecond: below that differences are noise, and the requests in flight decide.
    return (slot.ewmaMs + 1) * (slot.inFlight / slot.share + 1);
  }
}

/** Answers the first and leaves the second in the draw; either is undefined when there is none. */
function drawTwo(pool: Pool, draw: Draw, random: Random): Slot | undefined {
  const { slots } = pool;
  if (draw.skipped === undefined && pool.table === undefined && slots.length > 1) {
    // One number gives both places: the pairs of different places are counted through.
    const pair = (random.next() * slots.length * (slots.length - 1)) | 0;
    const place = (pair / (slots.length - 1)) | 0;
    const step = pair - place * (slots.length - 1);
    draw.second = slots[step < place ? step : step + 1];
    return slots[place];
  }
  const first = draw.skipped === undefined ? drawSlot(pool, random.next()) : drawAnother(pool, draw, { random });
  const second = draw.skipped === undefined && slots.length > 1 ? drawSlot(pool, random.next()) : undefined;
  if (second !== undefined && second !== first) {
    draw.second = second;
    return first;
  }
  draw.second =
    first === undefined || slots.length === 1 ? undefined : drawAnother(pool, draw, { random, other: first });
  return first;
}
