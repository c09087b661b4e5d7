import { type ManualClock, manualClock } from "../clock/mod.ts";
import { seededRandom } from "../random/mod.ts";
import { cache, type Cache } from "./cache.ts";
import type { CacheOptions } from "./options.ts";

export interface Bed<V> {
  readonly clock: ManualClock;
  readonly values: Cache<V>;
}

/** A cache on a clock that moves only when told; nothing in it is left to chance. */
export function bed<V = string>(options: Partial<CacheOptions<V>> = {}): Bed<V> {
  const clock = manualClock();
  const random = seededRandom("cache");
  return { clock, values: cache<V>({ entries: 100, jitterRatio: 0, earlyRefresh: 0, clock, random, ...options }) };
}

/** A loader whose calls are counted and answered with numbers. */
export function counting(): { (): Promise<string>; calls: number } {
  const load = Object.assign(async () => `value ${++load.calls}`, { calls: 0 });
  return load;
}
