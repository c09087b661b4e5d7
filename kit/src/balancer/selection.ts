import type { Random } from "../random/mod.ts";
import type { ResolvedAlgorithm } from "./algorithm.ts";
import { type Bindings, bindings } from "./bindings.ts";
import { chooserOf, isByKey } from "./chooser.ts";
import { type Chooser, type Draw, mixed } from "./draw.ts";
import type { Group } from "./group.ts";
import type { Pool } from "./pool.ts";
import { warmth } from "./slow-start.ts";
import type { Slot } from "./slot.ts";

// After so many slots in slow start the next one is taken as it comes.
const coldMax = 4;
const homeSalt = 0x13198a2e;
const warmthSalt = 0x03707344;

/** The algorithm with what surrounds every algorithm: zones and slow start; and the memory of sticky keys. */
export class Selection {
  readonly bindings: Bindings | undefined;
  readonly #chooser: Chooser;
  readonly #random: Random;
  readonly #isByKey: boolean;

  constructor(algorithm: ResolvedAlgorithm, random: Random) {
    this.#chooser = chooserOf(algorithm, random);
    this.#random = random;
    this.#isByKey = isByKey(algorithm);
    this.bindings = algorithm.kind === "sticky" ? bindings(algorithm) : undefined;
  }

  /** From the group's pools; undefined when every slot is skipped. */
  choose(group: Group, draw: Draw): Slot | undefined {
    if (this.#isByKey && draw.key === undefined) draw.keyHash = Math.floor(this.#random.next() * 2 ** 32);
    const { home, abroad, share } = group;
    if (home === undefined || abroad === undefined || share === undefined) return this.#warmFrom(group.all, draw);
    const isHome = this.#fraction(draw, homeSalt) < share.at(draw.nowMs);
    return this.#warmFrom(isHome ? home : abroad, draw) ?? this.#warmFrom(isHome ? abroad : home, draw);
  }

  /** A slot in slow start is kept with a chance that rises, else another one is chosen. */
  #warmFrom(pool: Pool, draw: Draw): Slot | undefined {
    let slot = this.#chooser.choose(pool, draw);
    if (draw.nowMs >= pool.warmUntilMs) return slot;
    const skippedBefore = draw.skipped;
    for (let colds = 0; colds < coldMax && slot !== undefined; colds++) {
      const part = warmth(slot, draw.nowMs);
      if (part >= 1 || this.#fraction(draw, warmthSalt) < part) break;
      draw.skipped = [...(draw.skipped ?? []), slot];
      const next = this.#chooser.choose(pool, draw);
      if (next === undefined) break;
      slot = next;
    }
    draw.skipped = skippedBefore;
    return slot;
  }

  /** In [0, 1): of a key always the same, so that its place changes no more often than it must. */
  #fraction(draw: Draw, salt: number): number {
    return this.#isByKey ? mixed(draw.keyHash, salt) / 2 ** 32 : this.#random.next();
  }
}
