import { holdingOf, type MemoryLevel, type Result } from "./memory-level.ts";
import type { BusLink } from "./bus-link.ts";
import type { Loading } from "./loading.ts";
import type { CacheRules } from "./options.ts";
import { SharedReads } from "./shared-reads.ts";
import type { SharedLink } from "./shared-link.ts";
import type { Counters } from "./statistics.ts";
import type { Invalidation } from "./target.ts";

/** How one write may differ from the rule of its key. */
export interface SetOptions {
  /** Fresh time of this value, 1 ms or more; jitter shortens it as any other. */
  readonly ttlMs?: number | undefined;
  /** Besides those of `tagsOf`. */
  readonly tags?: readonly string[] | undefined;
  /** Instead of that of `versionOf`. */
  readonly version?: number | undefined;
}

/** What writes work with. */
export interface WritingParts<V> {
  readonly options: CacheRules<V>;
  readonly memory: MemoryLevel<V>;
  readonly counters: Counters;
  readonly loading: Loading<V>;
  readonly shared: SharedLink<V> | undefined;
  readonly bus: BusLink | undefined;
}

type Written = "stored" | "refused" | "outdated";

/** Writes: source, shared tier, memory, in this order, one write of a key at a time. */
export class Writing<V> {
  readonly #parts: WritingParts<V>;
  readonly #shared: SharedReads<V> | undefined;
  /** The last write of each key that is under way. */
  readonly #tails = new Map<string, Promise<unknown>>();

  constructor(parts: WritingParts<V>) {
    this.#parts = parts;
    this.#shared = parts.shared === undefined ? undefined : new SharedReads({ ...parts, link: parts.shared });
  }

  set(key: string, value: V | undefined, options: SetOptions = {}): Promise<Written> {
    this.#parts.counters.writes++;
    const { writer } = this.#parts.options.rules.of(key);
    const isLocal = writer === undefined && this.#shared === undefined && this.#parts.bus === undefined;
    if (isLocal && !this.#tails.has(key)) return this.#keepNow(key, value, options);
    return this.#inTurn(key, async () => {
      await writer?.write(key, value);
      try {
        return await this.#spread(key, value, options);
      } catch (error) {
        // The source is ahead of what is here: nothing old must stay.
        this.#drop(invalidationOfKey(key));
        throw error;
      }
    });
  }

  delete(key: string): Promise<void> {
    this.#parts.counters.writes++;
    const { writer } = this.#parts.options.rules.of(key);
    const gone = invalidationOfKey(key);
    return this.#inTurn(key, async () => {
      await writer?.write(key, undefined);
      this.#drop(gone);
      await this.#parts.shared?.invalidate(gone);
      this.#drop(gone);
      await this.#parts.bus?.publish(gone);
    });
  }

  async #spread(key: string, value: V | undefined, options: SetOptions): Promise<Written> {
    const { shared, bus } = this.#parts;
    const gone = invalidationOfKey(key);
    if (shared !== undefined && this.#shared !== undefined) {
      // From here on the source may be ahead of what is here; if the tier cannot be told, nothing old must stay.
      this.#drop(gone);
      const life = this.#lifeOf(key, value, options);
      const { tags, version } = options;
      const entry = this.#shared.entryOf(key, value, { life, tags, version });
      if ((await shared.write(key, entry)) === "outdated") return "outdated";
    }
    const written = this.#keep(key, value, options);
    await bus?.publish(gone);
    return written;
  }

  async #keepNow(key: string, value: V | undefined, options: SetOptions): Promise<Written> {
    return this.#keep(key, value, options);
  }

  #keep(key: string, value: V | undefined, options: SetOptions): Written {
    const { memory, loading, options: rules } = this.#parts;
    loading.supersedeKey(key);
    const rule = rules.rules.of(key);
    const life = this.#lifeOf(key, value, options);
    const tags = memory.tagsOf(value, key, options.tags);
    const version = memory.versionOf(value, key, options.version);
    const holding = holdingOf(value);
    const { stamp } = memory.entries.tags;
    const result: Result<V> = { key, holding, rule, life, tags, version, stamp, costMs: 0 };
    return memory.store(result, rules.clock.monotonic());
  }

  #lifeOf(key: string, value: V | undefined, { ttlMs }: SetOptions): ReturnType<MemoryLevel<V>["lifeOf"]> {
    const rule = this.#parts.options.rules.of(key);
    return this.#parts.memory.lifeOf(ttlMs === undefined ? rule : { ...rule, ttlMs, absentMs: ttlMs }, key, value);
  }

  #drop(gone: Invalidation): void {
    this.#parts.loading.supersede(gone);
    this.#parts.memory.invalidate(gone, this.#parts.options.clock.monotonic());
  }

  /** After the write of the same key before it, whatever became of that. */
  #inTurn<R>(key: string, write: () => Promise<R>): Promise<R> {
    const before = this.#tails.get(key);
    const result = before === undefined ? write() : before.then(write);
    const tail = result.catch(() => undefined); // told to its own caller through `result`
    this.#tails.set(key, tail);
    void tail.then(() => {
      if (this.#tails.get(key) === tail) this.#tails.delete(key);
    });
    return result;
  }
}

function invalidationOfKey(key: string): Invalidation {
  return { target: { keys: [key] }, mode: "hard", olderThan: undefined };
}
