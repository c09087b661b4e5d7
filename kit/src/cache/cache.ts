import { TurnClock } from "../clock/mod.ts";
import { DisposedError } from "../errors/mod.ts";
import { telemetryChannel } from "../telemetry/mod.ts";
import { BusLink } from "./bus-link.ts";
import { Loading } from "./loading.ts";
import { absent, Failure, MemoryLevel } from "./memory-level.ts";
import {
  type CacheOptions,
  type CacheRules,
  type OpenCacheOptions,
  resolveCacheOptions,
  resolveSharing,
} from "./options.ts";
import { type GetOptions, Reading } from "./reading.ts";
import { SharedLink } from "./shared-link.ts";
import { type CacheStatistics, Counters } from "./statistics.ts";
import type { Load, LoadMany } from "./strategy.ts";
import { type InvalidateOptions, type Invalidation, invalidationOf, keyOf, type Target } from "./target.ts";
import { type SetOptions, Writing } from "./writing.ts";

/** What a cache knows of a key at this moment. */
export interface EntryReport {
  readonly state: "fresh" | "stale" | "gone";
  /** `none`: nothing is known of the key. */
  readonly holds: "value" | "absence" | "error" | "none";
  /** Until the fresh time ends; below 0 when it has ended. */
  readonly freshForMs: number;
  readonly keptForMs: number;
  readonly version: number | undefined;
}

/** How full a cache is, and what it has done. */
export interface CacheReport extends CacheStatistics {
  readonly name: string;
  readonly entries: number;
  /** Sum of the sizes; the number of entries when there is no bound of bytes. */
  readonly weight: number;
  readonly loadsRunning: number;
  /** Tags that are known here. */
  readonly tags: number;
}

export type { Cache };

const invalidations = telemetryChannel("ashlar.cache.invalidated");

/** Values by key, in memory and perhaps in a second level that several processes share. */
class Cache<V> implements AsyncDisposable {
  readonly #options: CacheRules<V>;
  readonly #counters = new Counters();
  readonly #memory: MemoryLevel<V>;
  readonly #loading: Loading<V>;
  readonly #reading: Reading<V>;
  readonly #writing: Writing<V>;
  readonly #shared: SharedLink<V> | undefined;
  readonly #bus: BusLink | undefined;
  readonly #turn: TurnClock;
  #isClosed = false;

  constructor(options: OpenCacheOptions<V>) {
    this.#options = resolveCacheOptions(options);
    const { clock, random, name: cache } = this.#options;
    const sharing = resolveSharing(options);
    const counters = this.#counters;
    this.#turn = new TurnClock(clock);
    this.#memory = new MemoryLevel(this.#options, options, counters);
    const { shared: tier, bus } = options;
    this.#shared = tier && new SharedLink({ cache, tier, rules: sharing, clock, counters });
    this.#bus =
      bus &&
      new BusLink({
        cache,
        bus,
        clock,
        source: `${cache}/${random.integer(0, Number.MAX_SAFE_INTEGER).toString(36)}`,
        repairMs: sharing.repairMs,
        apply: (invalidation) => this.#apply(invalidation),
        repair: () => this.#repair(),
      });
    const parts = { options: this.#options, memory: this.#memory, counters, shared: this.#shared };
    this.#loading = new Loading(parts);
    this.#reading = new Reading({ ...parts, loading: this.#loading, isShared: tier !== undefined });
    this.#writing = new Writing({ ...parts, loading: this.#loading, bus: this.#bus });
  }

  get name(): string {
    return this.#options.name;
  }

  /** Begins to listen to the bus. */
  async open(): Promise<this> {
    await this.#bus?.open();
    return this;
  }

  /**
   * A fresh value that is in memory; `undefined` otherwise, also when it is known that there is none. Counts as a use; begins no load.
   * About two lookups in a Map, however many entries there are; with tags one comparison each. Within one turn of the event loop a time read
   * shortly before may be used: up to 256 reads of a burst, or the rest of the turn, see one moment.
   */
  peek(key: string): V | undefined {
    const { entries } = this.#memory;
    const slot = entries.find(key);
    if (slot < 0) {
      this.#counters.misses++;
      return undefined;
    }
    if (!this.#isCalm(slot)) return this.#peekCloser(slot);
    this.#counters.hits++;
    entries.used(slot);
    return entries.value(slot) as V;
  }

  /**
   * The value of a key; `undefined` when there is none. A miss asks the shared tier, then `load`, or the `load` of the strategy: once
   * however many callers wait, all of whom get its result, or the same error. Without a loader a miss is `undefined`.
   *
   * After `set` or `invalidate` has resolved, no reader of this cache that begins later gets what was there before, and no load that
   * began before is stored. Rejects with what the load throws, TimeoutError, `signal.reason`, {@link CacheBusyError}, DisposedError.
   */
  get(key: string, load?: Load<V>, options?: GetOptions): Promise<V | undefined> {
    const { entries } = this.#memory;
    const slot = entries.find(key);
    if (slot < 0 || !this.#isCalm(slot) || options?.signal?.aborted === true)
      return this.#getCloser(key, load, options);
    this.#counters.hits++;
    entries.used(slot);
    return Promise.resolve(entries.value(slot) as V);
  }

  /**
   * One answer a key, in their order. Keys that are loading already are waited for; the rest is loaded by one call of `load` (keys that
   * another process is loading: by a second one, if at all). Rejects as `get`, with the first error in the order of keys.
   */
  async getMany(
    keys: readonly string[],
    load?: LoadMany<V>,
    options?: GetOptions,
  ): Promise<readonly (V | undefined)[]> {
    this.#assertOpen();
    this.#checkBus();
    for (const key of keys) keyOf(key);
    return this.#reading.many(keys, load, options);
  }

  /**
   * Writes: to the source if the strategy says so, then to the shared tier, then here; then tells the others. `undefined`: there is no
   * value. Writes of one key in this cache go one after another. `outdated`: an entry with a larger version is there and stays;
   * `refused`: larger than all the room, so not kept here. Rejects with what the source throws (then nothing changed here), and
   * {@link SharedTierError}. In memory alone it is done when the call returns.
   */
  set(key: string, value: V | undefined, options?: SetOptions): Promise<"stored" | "refused" | "outdated"> {
    if (this.#isClosed) return Promise.reject(new DisposedError(`cache "${this.name}"`));
    return this.#writing.set(keyOf(key), value, options);
  }

  /** Deletes at the source if the strategy has one, and everywhere in the cache. Rejects as `set`. */
  async delete(key: string): Promise<void> {
    this.#assertOpen();
    await this.#writing.delete(keyOf(key));
  }

  /**
   * Makes entries count no more, here, in the shared tier and in all caches on the bus; loads that run are not stored. O(1) a key or tag,
   * O(entries) for all. In force here when the call returns, everywhere when it resolves, save for the delay of messages.
   * Throws {@link ConfigError}, {@link SharedTierError}.
   */
  async invalidate(target: Target, options?: InvalidateOptions): Promise<void> {
    this.#assertOpen();
    const invalidation = invalidationOf(target, options);
    if (invalidations.active) invalidations.publish({ cache: this.name, mode: invalidation.mode, ...countsOf(target) });
    this.#apply(invalidation);
    if (this.#shared !== undefined) {
      await this.#shared.invalidate(invalidation);
      // Meanwhile a read may have brought back what the tier still had.
      this.#apply(invalidation);
    }
    await this.#bus?.publish(invalidation);
  }

  /** What is known of a key here; it does not count as a use. */
  describe(key: string): EntryReport {
    const { entries } = this.#memory;
    const slot = entries.find(key);
    const nowMs = this.#options.clock.monotonic();
    const state = slot < 0 ? "gone" : entries.freshness(slot, nowMs);
    if (state === "gone") return nothing;
    const holding = entries.value(slot);
    return {
      state,
      holds: holding === absent ? "absence" : holding instanceof Failure ? "error" : "value",
      freshForMs: entries.freshUntilMs(slot) - nowMs,
      keptForMs: entries.staleUntilMs(slot) - nowMs,
      version: entries.version(slot),
    };
  }

  report(): CacheReport {
    const { entries } = this.#memory;
    const { size, weight, tags } = entries;
    const level = { name: this.name, entries: size, weight, loadsRunning: this.#loading.running, tags: tags.size };
    return { ...level, ...this.#counters.read() };
  }

  /** Takes out at once what is past its life; answers how many. By itself the cache does so a little with every insertion. O(entries). */
  sweep(): number {
    return this.#memory.entries.sweepAll(this.#options.clock.monotonic());
  }

  /** Leaves the bus and aborts the signals of loads. Idempotent. Callers that wait get what their load makes of it. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#loading.abortAll(new DisposedError(`cache "${this.name}"`));
    await this.#bus?.[Symbol.asyncDispose]();
  }

  /** Whether the entry may be served without a closer look. */
  #isCalm(slot: number): boolean {
    const { entries } = this.#memory;
    const attentionAtMs = entries.attentionAtMs(slot);
    const dueAtMs = this.#bus === undefined ? attentionAtMs : Math.min(attentionAtMs, this.#bus.checkDueAtMs);
    return (dueAtMs === Infinity || this.#turn.nowMs() < dueAtMs) && entries.isUntouched(slot);
  }

  #peekCloser(slot: number): V | undefined {
    this.#checkBus();
    const { entries } = this.#memory;
    const isFresh = entries.freshness(slot, this.#options.clock.monotonic()) === "fresh";
    if (!isFresh) {
      this.#counters.misses++;
      return undefined;
    }
    this.#counters.hits++;
    entries.used(slot);
    const holding = entries.value(slot);
    return holding === absent || holding instanceof Failure ? undefined : holding;
  }

  #getCloser(key: string, load: Load<V> | undefined, options: GetOptions | undefined): Promise<V | undefined> {
    if (this.#isClosed) return Promise.reject(new DisposedError(`cache "${this.name}"`));
    this.#checkBus();
    return this.#reading.one({ key, load, options });
  }

  #checkBus(): void {
    if (this.#bus !== undefined && this.#options.clock.monotonic() >= this.#bus.checkDueAtMs) this.#bus.check();
  }

  #apply(invalidation: Invalidation): void {
    this.#counters.invalidations++;
    this.#loading.supersede(invalidation);
    this.#memory.invalidate(invalidation, this.#options.clock.monotonic());
  }

  #repair(): void {
    this.#counters.repairs++;
    this.#apply({ target: { all: "entries" }, mode: "hard", olderThan: undefined });
  }

  #assertOpen(): void {
    if (this.#isClosed) throw new DisposedError(`cache "${this.name}"`);
  }
}

const nothing: EntryReport = { state: "gone", holds: "none", freshForMs: 0, keptForMs: 0, version: undefined };

function countsOf(target: Target): { readonly keys: number; readonly tags: number } {
  return { keys: "keys" in target ? target.keys.length : 0, tags: "tags" in target ? target.tags.length : 0 };
}

/**
 * A cache of this process: cache-aside, and by its strategy read-through, write-through or write-behind, and refresh-ahead. No timers,
 * nothing to close. Throws {@link ConfigError}. Cost: one Map, and
 * columns of 65 bytes an entry beside the pointers to key, value and tags.
 */
export function cache<V>(options: CacheOptions<V>): Cache<V> {
  return new Cache(options);
}

/** A cache of two levels, or one that tells others, and hears from them, what is invalidated. Close it by disposing it. Throws {@link ConfigError}, and what the bus throws. */
export async function openCache<V>(options: OpenCacheOptions<V>): Promise<Cache<V>> {
  return new Cache(options).open();
}
