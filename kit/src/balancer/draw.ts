import { hash32 } from "../codec/mod.ts";
import type { Random } from "../random/mod.ts";
import { drawSlot, type Pool } from "./pool.ts";
import type { Slot } from "./slot.ts";

/** What one pick knows. A balancer reuses one for all its picks, which never overlap: an allocation less a pick. */
export interface Draw {
  nowMs: number;
  key: string | undefined;
  /** Hash of the key; 0 without one. */
  keyHash: number;
  /** Slots that may not be chosen this time; undefined for most picks. */
  skipped: Slot[] | undefined;
  /** Requests in flight in the whole set. */
  inFlight: number;
  /** What an algorithm of two choices drew besides its answer. */
  second: Slot | undefined;
}

/** One algorithm. It holds what it needs between picks, chooses from a pool, and knows nothing of health or zones. */
export interface Chooser {
  /** Undefined when every slot of the pool is skipped. */
  choose(pool: Pool, draw: Draw): Slot | undefined;
}

/** An empty draw. */
export function blankDraw(): Draw {
  return { nowMs: 0.5, key: undefined, keyHash: 0, skipped: undefined, inFlight: 0, second: undefined };
}

export function isSkipped(draw: Draw, slot: Slot): boolean {
  return draw.skipped !== undefined && draw.skipped.includes(slot);
}

const triesMax = 4;

/** A slot by weight that is neither skipped nor `other`. Constant time but for the rare case that chance keeps hitting those. */
export function drawAnother(pool: Pool, draw: Draw, { random, other }: Drawing): Slot | undefined {
  for (let tries = 0; tries < triesMax; tries++) {
    const slot = drawSlot(pool, random.next());
    if (slot !== undefined && slot !== other && !isSkipped(draw, slot)) return slot;
  }
  const rest = pool.slots.filter((slot) => slot !== other && !isSkipped(draw, slot));
  return rest.length === 0 ? undefined : random.pick(rest);
}

/** Where the chance of a draw comes from, and what was drawn before. */
export interface Drawing {
  readonly random: Random;
  readonly other?: Slot | undefined;
}

/** A hash of a key for a second purpose, independent of the first. Source: the finaliser of MurmurHash3. */
export function mixed(hash: number, salt: number): number {
  let bits = Math.imul(hash ^ salt, 0x85ebca6b);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
  return (bits ^ (bits >>> 16)) >>> 0;
}

/** Sets the key of a draw. */
export function keyed(draw: Draw, key: string | undefined): void {
  draw.key = key;
  draw.keyHash = key === undefined ? 0 : hash32(key);
}
