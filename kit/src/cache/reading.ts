import { abortable, signalAfter } from "../abort/mod.ts";
import { TimeoutError } from "../errors/mod.ts";
import { refreshesEarly } from "./early-refresh.ts";
import { CacheBusyError } from "./errors.ts";
import type { Flight, FlightStart, LoadFlights } from "./flight.ts";
import type { Loading } from "./loading.ts";
import { absent, Failure, type MemoryLevel } from "./memory-level.ts";
import type { CacheRules } from "./options.ts";
import type { Counters } from "./statistics.ts";
import type { Load, LoadMany, Rule } from "./strategy.ts";
import { keyOf } from "./target.ts";

/** How one read may differ from the rule of its key. */
export interface GetOptions {
  /** Ends the waiting of this caller; the load ends when its last caller has gone. */
  readonly signal?: AbortSignal | undefined;
  /** Tags that the value gets, if it is loaded for this call, besides those of `tagsOf`; also the knowledge that there is none. */
  readonly tags?: readonly string[] | undefined;
}

/** One read of one key. */
export interface Read<V> {
  readonly key: string;
  readonly load: Load<V> | undefined;
  readonly options: GetOptions | undefined;
}

/** What reads work with. */
export interface ReadingParts<V> {
  readonly options: CacheRules<V>;
  readonly memory: MemoryLevel<V>;
  readonly counters: Counters;
  readonly loading: Loading<V>;
  readonly isShared: boolean;
}

/** What memory says to a read: the answer, or a key to be loaded with, perhaps, something to fall back on. */
type Verdict<V> =
  | { readonly kind: "answer"; readonly value: V | undefined }
  | { readonly kind: "stale"; readonly value: V | undefined }
  | { readonly kind: "miss" };

const miss = { kind: "miss" } as const;

/** Reads that memory does not answer at once. */
export class Reading<V> {
  readonly #parts: ReadingParts<V>;

  constructor(parts: ReadingParts<V>) {
    this.#parts = parts;
  }

  /** As `Cache.get`. */
  one(read: Read<V>): Promise<V | undefined> {
    try {
      return this.#one(read);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  #one(read: Read<V>): Promise<V | undefined> {
    const { key, options, load } = read;
    options?.signal?.throwIfAborted();
    const rule = this.#parts.options.rules.of(keyOf(key));
    const how = { rule, load: load ?? rule.load, tags: options?.tags, nowMs: this.#parts.options.clock.monotonic() };
    const verdict = this.#ask(key, how);
    if (verdict.kind === "answer") return Promise.resolve(verdict.value);
    if (verdict.kind === "stale") return this.#staleOr(read, { ...how, value: verdict.value });
    this.#parts.counters.misses++;
    return this.#flight(key, how, "miss")?.wait(options?.signal) ?? Promise.resolve(undefined);
  }

  /** One answer a key, in their order; what is missing is loaded by one call. */
  async many(keys: readonly string[], load: LoadMany<V> | undefined, options?: GetOptions): Promise<(V | undefined)[]> {
    options?.signal?.throwIfAborted();
    const answers = new Map<string, V | undefined | Promise<V | undefined>>();
    const missing: FlightStart<V>[] = [];
    const stale: FlightStart<V>[] = [];
    for (const key of new Set(keys)) {
      if (load === undefined) {
        answers.set(key, this.one({ key, load: undefined, options }));
        continue;
      }
      const rule = this.#parts.options.rules.of(key);
      const nowMs = this.#parts.options.clock.monotonic();
      const how = { rule, load: undefined, tags: options?.tags, nowMs };
      const verdict = this.#ask(key, how);
      const running = this.#parts.loading.flightOf(key);
      if (verdict.kind !== "miss") answers.set(key, verdict.value);
      if (verdict.kind === "stale") this.#parts.counters.staleHits++;
      if (verdict.kind === "miss") this.#parts.counters.misses++;
      if (verdict.kind === "miss" && running !== undefined) answers.set(key, running.wait(options?.signal));
      if (running !== undefined || verdict.kind === "answer") continue;
      if (verdict.kind === "miss") missing.push(this.#startOf(key, how, "miss"));
      else stale.push(this.#startOf(key, how, "refresh"));
    }
    if (load !== undefined) {
      for (const flight of this.#startMany(missing, load)) answers.set(flight.key, flight.wait(options?.signal));
      this.#refreshMany(stale, load);
    }
    return settled(keys, answers);
  }

  /** What memory has; with a loader a read near the end of the fresh time refreshes. */
  #ask(key: string, how: How<V>): Verdict<V> {
    const { memory, counters } = this.#parts;
    const { entries } = memory;
    const { nowMs } = how;
    const slot = entries.find(key);
    const freshness = slot < 0 ? "gone" : entries.freshness(slot, nowMs);
    if (freshness === "gone") return miss;
    const holding = entries.value(slot);
    if (freshness === "fresh") {
      counters.hits++;
      entries.used(slot);
      if (holding instanceof Failure) throw holding.error;
      if (holding === absent) return { kind: "answer", value: undefined };
      if (this.#isDue(slot, how.rule, nowMs)) this.#refresh(key, how);
      return { kind: "answer", value: holding };
    }
    if (holding instanceof Failure) return miss;
    return { kind: "stale", value: holding === absent ? undefined : holding };
  }

  async #staleOr({ key, options }: Read<V>, how: How<V> & { readonly value: V | undefined }): Promise<V | undefined> {
    const { counters, loading, options: rules } = this.#parts;
    const { rule, load, value } = how;
    const signal = options?.signal;
    // Without a loader nobody would ever load it anew, so a stale value is as good as none.
    if (load === undefined) {
      counters.misses++;
      return this.#flight(key, how, "miss")?.wait(signal);
    }
    const isPaused = loading.isPaused(key, rules.clock.monotonic());
    if (rule.stale === "while-refreshing" || isPaused) {
      if (!isPaused) this.#refresh(key, how);
      counters.staleHits++;
      return value;
    }
    try {
      const fresh = await this.#inTime(key, how, signal);
      counters.misses++;
      return fresh;
    } catch (error) {
      if (signal?.aborted === true) throw error;
      counters.staleHits++;
      return value;
    }
  }

  async #inTime(key: string, how: How<V>, signal: AbortSignal | undefined): Promise<V | undefined> {
    const { staleAfterMs } = how.rule;
    const flight = this.#flight(key, how, "refresh");
    if (flight === undefined || staleAfterMs === undefined) return flight?.wait(signal);
    const { clock, name } = this.#parts.options;
    using late = signalAfter(clock, staleAfterMs, () => new TimeoutError(`a load of cache "${name}"`, staleAfterMs));
    return await abortable(flight.wait(signal), late.signal);
  }

  #isDue(slot: number, rule: Rule<V>, nowMs: number): boolean {
    const { memory, options } = this.#parts;
    if (nowMs < memory.entries.attentionAtMs(slot)) return false;
    if (rule.refreshAheadRatio !== undefined) return true;
    const leftMs = memory.entries.freshUntilMs(slot) - nowMs;
    return refreshesEarly(leftMs, memory.entries.costMs(slot) * rule.earlyRefresh, options.random);
  }

  #refresh(key: string, how: How<V>): void {
    const { loading } = this.#parts;
    const { load, nowMs } = how;
    if (load === undefined || loading.isPaused(key, nowMs) || loading.flightOf(key) !== undefined) return;
    this.#refreshed(1, () => loading.startOne(this.#startOf(key, how, "refresh"), load, nowMs));
  }

  #refreshMany(starts: readonly FlightStart<V>[], load: LoadMany<V>): void {
    const nowMs = this.#parts.options.clock.monotonic();
    const due = starts.filter(({ key }) => !this.#parts.loading.isPaused(key, nowMs));
    if (due.length > 0) this.#refreshed(due.length, () => this.#parts.loading.start(due, loadByMany(load)));
  }

  /** There is an answer without it, so that a full house is no reason to fail. */
  #refreshed(count: number, start: () => unknown): void {
    try {
      start();
      this.#parts.counters.refreshes += count;
    } catch (error) {
      if (!(error instanceof CacheBusyError)) throw error;
    }
  }

  /** The flight that answers a miss; `undefined` when there is nobody to ask. */
  #flight(key: string, how: How<V>, purpose: "miss" | "refresh"): Flight<V> | undefined {
    const { loading, isShared, options } = this.#parts;
    const { load, nowMs } = how;
    const running = load === undefined ? undefined : loading.flightOf(key);
    if (running !== undefined) return running;
    if (load !== undefined) return loading.startOne(this.#startOf(key, how, purpose), load, nowMs);
    if (!isShared && options.rules.of(key).writer?.pending === undefined) return undefined;
    return loading.start([this.#startOf(key, how, "look")], lookOnly)[0];
  }

  #startMany(starts: readonly FlightStart<V>[], load: LoadMany<V>): readonly Flight<V>[] {
    return starts.length === 0 ? [] : this.#parts.loading.start(starts, loadByMany(load));
  }

  #startOf(key: string, { rule, tags, nowMs }: How<V>, purpose: FlightStart<V>["purpose"]): FlightStart<V> {
    const { entries } = this.#parts.memory;
    const { stamp } = entries.tags;
    // After a miss there is nothing, or something that is of no use.
    if (purpose === "miss") return { key, rule, tags, purpose, previous: undefined, leftMs: 0, stamp };
    const slot = entries.find(key);
    const holding = slot < 0 ? absent : entries.value(slot);
    const previous = holding === absent || holding instanceof Failure ? undefined : holding;
    const leftMs = slot < 0 ? 0 : Math.max(0, entries.freshUntilMs(slot) - nowMs);
    return { key, rule, tags, purpose, previous, leftMs, stamp };
  }
}

interface How<V> {
  readonly rule: Rule<V>;
  readonly load: Load<V> | undefined;
  readonly tags: readonly string[] | undefined;
  /** When the read began. */
  readonly nowMs: number;
}

/** Keys of one call may be loaded in two, when another process holds the right to fill some. */
function loadByMany<V>(load: LoadMany<V>): LoadFlights<V> {
  return async (flights) => {
    const controller = new AbortController();
    let running = flights.length;
    for (const { signal } of flights)
      signal.addEventListener("abort", () => --running === 0 && controller.abort(signal.reason), { once: true });
    return load(
      flights.map(({ key }) => key),
      { signal: controller.signal },
    );
  };
}

/** There is no loader: whatever the level below did not have is not there. */
async function lookOnly<V>(flights: readonly Flight<V>[]): Promise<readonly (V | undefined)[]> {
  for (const flight of flights) flight.isSuperseded = true;
  return flights.map(() => undefined);
}

/** All answers, once all are there: a failure is reported after the others have ended too, so that none is left unheard. */
async function settled<V>(
  keys: readonly string[],
  answers: ReadonlyMap<string, V | undefined | Promise<V | undefined>>,
): Promise<(V | undefined)[]> {
  const values = new Map<string, V | undefined>();
  const entries = [...answers];
  const results = await Promise.allSettled(entries.map(async ([, answer]) => answer));
  for (const [index, result] of results.entries()) {
    if (result.status === "rejected") throw result.reason;
    values.set(entries[index]?.[0] ?? "", result.value);
  }
  return keys.map((key) => values.get(key));
}
