import { type Clock, systemClock } from "../clock/mod.ts";
import type { Codec } from "../codec/mod.ts";
import { jsonCodec } from "../codec/mod.ts";
import { integerIn, numberIn, textOf } from "../errors/mod.ts";
import { type Random, systemRandom } from "../random/mod.ts";
import type { RoomOptions } from "./bounded-map.ts";
import type { InvalidationBus } from "./invalidation-bus.ts";
import type { SharedTier } from "./shared-tier.ts";
import { Rules, type Strategy } from "./strategy.ts";

/** What a cache goes by: its room, the strategy of its keys, and strategies of keys with a prefix. */
export interface CacheOptions<V> extends RoomOptions<string, V>, Strategy<V> {
  /** In telemetry and reports. Default "cache". */
  readonly name?: string | undefined;
  /** Strategies by prefix of key, at most 256; the longest counts. What one leaves out is as for the whole cache. */
  readonly prefixes?: Readonly<Record<string, Strategy<V>>> | undefined;
  /** Tags of a value that is stored: names under which it can be invalidated with others. At most 128. Default: none. */
  readonly tagsOf?: ((value: V, key: string) => readonly string[]) | undefined;
  /** Version stamp of a value: one with a smaller stamp never takes the place of one with a larger. Default: values have none. */
  readonly versionOf?: ((value: V, key: string) => number) | undefined;
  /** Loads at once, 1 to 1,000,000; beyond it a miss is refused with {@link CacheBusyError}. Default 10,000. */
  readonly loadsMax?: number | undefined;
  readonly clock?: Clock | undefined;
  readonly random?: Random | undefined;
}

/** As for a cache in one process; and what it shares with others. */
export interface OpenCacheOptions<V> extends CacheOptions<V> {
  /** Second level, asked before a loader is. Without it only invalidations are shared. */
  readonly shared?: SharedTier | undefined;
  /** By which caches tell each other what has changed. Without it an entry here lives out its time whatever others do. */
  readonly bus?: InvalidationBus | undefined;
  /** How values are kept in the shared tier. Default JSON, refusing what JSON would change silently. */
  readonly codec?: Codec<V> | undefined;
  /** How long one loader in the fleet has the right to fill a key, 1 ms to 1 h. Default 10 s. A load takes less, or another is begun. */
  readonly fillLeaseMs?: number | undefined;
  /** How long a miss waits for another process's load before it loads by itself, 0 to 1 h. Default 10 s. */
  readonly fillWaitMs?: number | undefined;
  /** A read of the shared tier that takes longer is done without, 1 ms to 1 h. Default 1 s. */
  readonly sharedTimeoutMs?: number | undefined;
  /** After a failed read the shared tier is left alone for so long, 0 to 1 h. Default 1 s. Writes and invalidations are always tried. */
  readonly sharedRetryMs?: number | undefined;
  /** A lost message of the bus is noticed within so long by those who read, 10 ms to 1 h. Default 10 s. */
  readonly repairMs?: number | undefined;
}

/** The part of the options that is not the room, in range. */
export interface CacheRules<V> {
  readonly name: string;
  readonly rules: Rules<V>;
  readonly tagsOf: (value: V, key: string) => readonly string[];
  readonly versionOf: ((value: V, key: string) => number) | undefined;
  readonly loadsMax: number;
  readonly clock: Clock;
  readonly random: Random;
}

/** Times and ways of what is shared, in range. */
export interface SharingRules<V> {
  readonly codec: Codec<V>;
  readonly fillLeaseMs: number;
  readonly fillWaitMs: number;
  readonly sharedTimeoutMs: number;
  readonly sharedRetryMs: number;
  readonly repairMs: number;
}

const noTags: readonly string[] = [];

/** Throws {@link ConfigError}. */
export function resolveCacheOptions<V>(options: CacheOptions<V>): CacheRules<V> {
  const { prefixes = {}, tagsOf, versionOf, clock = systemClock, random = systemRandom } = options;
  return {
    name: textOf("name", options.name ?? "cache"),
    rules: new Rules(options, prefixes),
    tagsOf: tagsOf ?? (() => noTags),
    versionOf,
    loadsMax: integerIn("loadsMax", options.loadsMax ?? 10_000, { min: 1, max: 1_000_000 }),
    clock,
    random,
  };
}

/** Throws {@link ConfigError}. */
export function resolveSharing<V>(options: OpenCacheOptions<V>): SharingRules<V> {
  const hourMs = 3_600_000;
  const ms = (name: keyof OpenCacheOptions<V>, value: number, min: number): number =>
    numberIn(name, value, { min, max: hourMs });
  return {
    codec: options.codec ?? jsonCodec<V>(),
    fillLeaseMs: ms("fillLeaseMs", options.fillLeaseMs ?? 10_000, 1),
    fillWaitMs: ms("fillWaitMs", options.fillWaitMs ?? 10_000, 0),
    sharedTimeoutMs: ms("sharedTimeoutMs", options.sharedTimeoutMs ?? 1_000, 1),
    sharedRetryMs: ms("sharedRetryMs", options.sharedRetryMs ?? 1_000, 0),
    repairMs: ms("repairMs", options.repairMs ?? 10_000, 10),
  };
}
