import { ConfigError, numberIn, oneOf } from "../errors/mod.ts";

/** What a loader is told. */
export interface LoadContext<V> {
  readonly key: string;
  /** Aborts when nobody waits for the result any more, when `loadTimeoutMs` are over, or when the cache is closed. Made when first read. */
  readonly signal: AbortSignal;
  /** The value that is to be replaced, when there is one: for a conditional request. */
  readonly previous: V | undefined;
}

/** Gets the value of a key from where it is at home. `undefined` says that there is none, which is remembered too. */
export type Load<V> = (key: string, context: LoadContext<V>) => Promise<V | undefined> | V | undefined;

/** Gets many at once, one result a key, in their order. */
export type LoadMany<V> = (
  keys: readonly string[],
  context: { readonly signal: AbortSignal },
) => Promise<readonly (V | undefined)[]>;

/** Where writes go before the cache tells of them. */
export interface Writer<V> {
  /** Resolves once the source, or a durable place on the way to it, has the value; `undefined` deletes it there. */
  write(key: string, value: V | undefined): Promise<void>;
  /** Values on the way that the source may not have yet, one a key; asked before a load. `not-pending`: ask the source. */
  pending?(keys: readonly string[]): Promise<readonly (PendingWrite<V> | "not-pending")[]>;
}

/** A write on its way; without a value it is a deletion. */
export interface PendingWrite<V> {
  readonly value: V | undefined;
}

/**
 * How a kind of keys is read, kept and written. All times in milliseconds, from 0 or as stated to 100 years. Each can be set for the whole
 * cache and anew for a prefix of keys.
 */
export interface Strategy<V> {
  /** How long a value is fresh: a number of 1 or more, or a function of the value. Default: until it is evicted or invalidated. */
  readonly ttlMs?: number | ((value: V, key: string) => number) | undefined;
  /** For how long after that it may be served while, or if only in vain, it is loaded anew. It always adds to the life. Default 0. */
  readonly staleMs?: number | undefined;
  /** `while-refreshing` (default): a stale value is the answer at once, and loaded anew in the background. `on-error`: only when the load
   *  fails, or takes longer than `staleAfterMs`. */
  readonly stale?: "while-refreshing" | "on-error" | undefined;
  /** With `stale: "on-error"`: how long a caller waits before the stale value is the answer; the load goes on. Default: for the load. */
  readonly staleAfterMs?: number | undefined;
  /** How long it is remembered that there is no value. Default: `ttlMs` if that is a number, else 60 s. 0: not at all. */
  readonly absentMs?: number | undefined;
  /** How long a failed load is the answer for its key. Default 0: the next caller loads. */
  readonly errorMs?: number | undefined;
  /** How long after a failed refresh of a value in hand the next is tried. Default 1 s. */
  readonly refreshRetryMs?: number | undefined;
  /** Each fresh time is shortened by a random part up to this one, so that what was stored together does not end together; 0 to 0.5.
   *  Default 0.05. */
  readonly jitterRatio?: number | undefined;
  /** Factor of early refreshing: a read shortly before the end refreshes in the background with a chance that rises with what a load
   *  costs. 0: never; 1 (default): by the book; more: earlier. At most 10. */
  readonly earlyRefresh?: number | undefined;
  /** Refresh ahead: from this part of the fresh time on, any read refreshes in the background; 0.1 to 1. Default: none does. */
  readonly refreshAheadRatio?: number | undefined;
  /** Read-through: how a miss is loaded when the call brings no loader. */
  readonly load?: Load<V> | undefined;
  /** A load that takes longer fails with TimeoutError, and its signal aborts. Default: none does. */
  readonly loadTimeoutMs?: number | undefined;
  /** Write-through (a function), or write-behind ({@link openWriteBehind}). Default: writes end at the cache. */
  readonly write?: ((key: string, value: V | undefined) => Promise<void>) | Writer<V> | undefined;
}

/** A strategy with its defaults, in range. */
export interface Rule<V> {
  readonly ttlMs: number | ((value: V, key: string) => number);
  readonly staleMs: number;
  readonly stale: "while-refreshing" | "on-error";
  readonly staleAfterMs: number | undefined;
  readonly absentMs: number;
  readonly errorMs: number;
  readonly refreshRetryMs: number;
  readonly jitterRatio: number;
  readonly earlyRefresh: number;
  readonly refreshAheadRatio: number | undefined;
  readonly load: Load<V> | undefined;
  readonly loadTimeoutMs: number | undefined;
  readonly writer: Writer<V> | undefined;
}

/** 100 years. */
const durationMsMax = 3_155_760_000_000;
const absentDefaultMs = 60_000;

/** Throws {@link ConfigError}. */
function resolveStrategy<V>(strategy: Strategy<V>): Rule<V> {
  const { ttlMs = Infinity, refreshAheadRatio, load, write } = strategy;
  const duration = (name: keyof Strategy<V>, value: number, min = 0): number =>
    numberIn(name, value, { min, max: durationMsMax });
  const optional = (name: "staleAfterMs" | "loadTimeoutMs"): number | undefined => {
    const value = strategy[name];
    return value === undefined ? undefined : duration(name, value, 1);
  };
  const fixedMs = typeof ttlMs === "function" || ttlMs === Infinity ? undefined : duration("ttlMs", ttlMs, 1);
  return {
    ttlMs: fixedMs ?? ttlMs,
    staleMs: duration("staleMs", strategy.staleMs ?? 0),
    stale: oneOf("stale", strategy.stale ?? "while-refreshing", ["while-refreshing", "on-error"]),
    staleAfterMs: optional("staleAfterMs"),
    absentMs: duration("absentMs", strategy.absentMs ?? fixedMs ?? absentDefaultMs),
    errorMs: duration("errorMs", strategy.errorMs ?? 0),
    refreshRetryMs: duration("refreshRetryMs", strategy.refreshRetryMs ?? 1_000),
    jitterRatio: numberIn("jitterRatio", strategy.jitterRatio ?? 0.05, { min: 0, max: 0.5 }),
    earlyRefresh: numberIn("earlyRefresh", strategy.earlyRefresh ?? 1, { min: 0, max: 10 }),
    refreshAheadRatio:
      refreshAheadRatio === undefined
        ? undefined
        : numberIn("refreshAheadRatio", refreshAheadRatio, { min: 0.1, max: 1 }),
    load,
    loadTimeoutMs: optional("loadTimeoutMs"),
    writer: typeof write === "function" ? { write } : write,
  };
}

const prefixesMax = 256;

/** The rule of a key: that of the longest prefix it begins with. O(number of different lengths of prefixes). */
export class Rules<V> {
  readonly #otherwise: Rule<V>;
  readonly #byPrefix = new Map<string, Rule<V>>();
  /** Longest first. */
  readonly #lengths: readonly number[];

  constructor(strategy: Strategy<V>, prefixes: Readonly<Record<string, Strategy<V>>>) {
    const entries = Object.entries(prefixes);
    if (entries.length > prefixesMax)
      throw new ConfigError("prefixes", entries.length, `at most ${prefixesMax} prefixes`);
    this.#otherwise = resolveStrategy(strategy);
    for (const [prefix, own] of entries) {
      if (prefix === "") throw new ConfigError("prefixes", prefix, "a prefix of one character or more");
      this.#byPrefix.set(prefix, resolveStrategy({ ...strategy, ...own }));
    }
    this.#lengths = [...new Set(entries.map(([prefix]) => prefix.length))].toSorted((a, b) => b - a);
  }

  of(key: string): Rule<V> {
    for (const length of this.#lengths) {
      const rule = key.length >= length ? this.#byPrefix.get(key.slice(0, length)) : undefined;
      if (rule !== undefined) return rule;
    }
    return this.#otherwise;
  }

  get hasWriter(): boolean {
    return (
      this.#otherwise.writer !== undefined || [...this.#byPrefix.values()].some((rule) => rule.writer !== undefined)
    );
  }
}
