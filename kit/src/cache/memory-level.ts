import { ConfigError } from "../errors/mod.ts";
import { telemetryChannel } from "../telemetry/mod.ts";
import type { RoomOptions } from "./bounded-map.ts";
import { drawsFromMs } from "./early-refresh.ts";
import { EntryTable, type Kept, type RemovalReason } from "./entry-table.ts";
import type { CacheRules } from "./options.ts";
import type { Counters } from "./statistics.ts";
import type { Rule } from "./strategy.ts";
import type { Invalidation } from "./target.ts";

/** Kept in place of a value: it is known that there is none. */
export const absent: unique symbol = Symbol("absent");

/** Kept in place of a value: the load failed so. */
export class Failure {
  readonly error: unknown;

  constructor(error: unknown) {
    this.error = error;
  }
}

/** What a slot of the memory level holds. */
export type Holding<V> = V | typeof absent | Failure;

/** What is kept for a value, or for there being none. */
export function holdingOf<V>(value: V | undefined): Holding<V> {
  return value === undefined ? absent : value;
}

/** A result on its way into memory. */
export interface Result<V> {
  readonly key: string;
  readonly holding: Holding<V>;
  readonly rule: Rule<V>;
  readonly life: Life;
  readonly tags: readonly string[];
  readonly version: number | undefined;
  /** Stamp of the moment at which its load began, or of its writing. */
  readonly stamp: number;
  readonly costMs: number;
}

/** For how long from now a value is fresh, and kept. */
export interface Life {
  readonly freshMs: number;
  readonly keptMs: number;
}

const removals = telemetryChannel("ashlar.cache.removed");

/** The entries of one process, with what the rules say of their lives. */
export class MemoryLevel<V> {
  readonly entries: EntryTable<Holding<V>>;
  readonly #options: CacheRules<V>;
  readonly #counters: Counters;

  constructor(options: CacheRules<V>, room: RoomOptions<string, V>, counters: Counters) {
    this.#options = options;
    this.#counters = counters;
    const { sizeOf } = room;
    // What is not a value has next to no size, and must be more than nothing.
    const sizeOfHolding = (holding: Holding<V>, key: string): number =>
      holding === absent || holding instanceof Failure || sizeOf === undefined ? 1 : sizeOf(holding, key);
    this.entries = new EntryTable({ ...room, sizeOf: sizeOf && sizeOfHolding }, (key, _, reason) =>
      this.#tellRemoved(key, reason),
    );
  }

  /** How long this value lives from now on, jitter included. */
  lifeOf(rule: Rule<V>, key: string, value: V | undefined): Life {
    const { ttlMs, staleMs, absentMs, jitterRatio } = rule;
    const fullMs =
      value === undefined ? absentMs : numberOf("ttlMs", typeof ttlMs === "number" ? ttlMs : ttlMs(value, key));
    const freshMs = jitterRatio === 0 ? fullMs : fullMs * (1 - jitterRatio * this.#options.random.next());
    return { freshMs, keptMs: freshMs + staleMs };
  }

  tagsOf(value: V | undefined, key: string, given: readonly string[] | undefined): readonly string[] {
    const own = value === undefined ? noTags : this.#options.tagsOf(value, key);
    return given === undefined || given.length === 0 ? own : [...given, ...own];
  }

  versionOf(value: V | undefined, key: string, given?: number): number | undefined {
    const version = given ?? (value === undefined ? undefined : this.#options.versionOf?.(value, key));
    return version === undefined ? undefined : numberOf("version", version);
  }

  /** `outdated`: an entry with a larger version is there, and stays. */
  store(result: Result<V>, nowMs: number): "stored" | "refused" | "outdated" {
    const { key, holding, rule, life, tags, version, stamp, costMs } = result;
    const freshUntilMs = nowMs + life.freshMs;
    const isValue = holding !== absent && !(holding instanceof Failure);
    const attentionAtMs = isValue ? this.#attentionAtMs(rule, freshUntilMs, { life, costMs }) : -Infinity;
    const staleUntilMs = nowMs + life.keptMs;
    const kept: Kept<Holding<V>> = {
      key,
      value: holding,
      freshUntilMs,
      staleUntilMs,
      attentionAtMs,
      costMs,
      tags,
      version,
      stamp,
    };
    return this.entries.store(kept, nowMs);
  }

  /** Keeps a failure for its time, unless something better is there. */
  storeFailure(key: string, rule: Rule<V>, error: unknown): void {
    const life = { freshMs: rule.errorMs, keptMs: rule.errorMs };
    if (rule.errorMs === 0 || this.entries.find(key) >= 0) return;
    const result = { key, rule, life, tags: noTags, version: undefined, stamp: this.entries.tags.stamp, costMs: 0 };
    this.store({ ...result, holding: new Failure(error) }, this.#options.clock.monotonic());
  }

  invalidate({ target, mode, olderThan }: Invalidation, nowMs: number): void {
    if ("tags" in target) this.entries.tags.invalidate(target.tags, mode, nowMs);
    else if ("keys" in target) for (const key of target.keys) this.#invalidateKey(key, mode, { olderThan, nowMs });
    else
      this.entries.forEach((slot) => {
        if (mode === "hard") this.entries.remove(slot, "invalidated");
        else this.entries.soften(slot, nowMs);
      });
  }

  #invalidateKey(
    key: string,
    mode: "hard" | "soft",
    how: { readonly olderThan: number | undefined; readonly nowMs: number },
  ): void {
    const slot = this.entries.find(key);
    if (slot < 0) return;
    const version = this.entries.version(slot) ?? -Infinity;
    if (how.olderThan !== undefined && version >= how.olderThan) return;
    if (mode === "hard") this.entries.remove(slot, "invalidated");
    else this.entries.soften(slot, how.nowMs);
  }

  #attentionAtMs(
    rule: Rule<V>,
    freshUntilMs: number,
    { life, costMs }: { readonly life: Life; readonly costMs: number },
  ): number {
    if (freshUntilMs === Infinity) return Infinity;
    if (rule.refreshAheadRatio !== undefined) return freshUntilMs - life.freshMs * (1 - rule.refreshAheadRatio);
    return drawsFromMs(freshUntilMs, costMs, rule.earlyRefresh);
  }

  #tellRemoved(key: string, reason: RemovalReason): void {
    if (reason === "evicted") this.#counters.evictions++;
    else if (reason === "expired") this.#counters.expirations++;
    if (removals.active) removals.publish({ cache: this.#options.name, key, reason });
  }
}

const noTags: readonly string[] = [];

/** What was said of one value. Throws {@link ConfigError}: a life of NaN would never end, a version of NaN give way to any. */
function numberOf(option: string, value: number): number {
  if (typeof value === "number" && !Number.isNaN(value)) return value;
  throw new ConfigError(option, value, "a number");
}
