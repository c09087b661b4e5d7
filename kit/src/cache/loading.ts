// Loads, one flight a key. A flight is the generation of its key: whatever writes or invalidates the key takes the flight out of the
// table and marks it, so that its result goes to those who waited already and nowhere else, and who comes later starts another.
// Tags are judged when the result has named them, by the stamp at which the flight began.
import { abortable, signalAfter } from "../abort/mod.ts";
import { TimeoutError } from "../errors/mod.ts";
import { telemetryChannel } from "../telemetry/mod.ts";
import { boundedMap } from "./bounded-map.ts";
import { CacheBusyError, LoadCountError } from "./errors.ts";
import { Flight, type FlightStart, type LoadFlights } from "./flight.ts";
import { holdingOf, type Life, type MemoryLevel } from "./memory-level.ts";
import type { CacheRules } from "./options.ts";
import { SharedReads } from "./shared-reads.ts";
import type { SharedLink } from "./shared-link.ts";
import type { Counters } from "./statistics.ts";
import type { Load, PendingWrite, Writer } from "./strategy.ts";
import type { Invalidation } from "./target.ts";

/** What loads work with. */
export interface LoadingParts<V> {
  readonly options: CacheRules<V>;
  readonly memory: MemoryLevel<V>;
  readonly counters: Counters;
  readonly shared: SharedLink<V> | undefined;
}

/** How long a load took, and when it ended. */
interface Landing {
  readonly durationMs: number;
  readonly nowMs: number;
}

const loaded = telemetryChannel("ashlar.cache.load");
/** Keys whose refresh failed lately; beyond it the oldest may be tried again at once. */
const retriesMax = 10_000;

/** The loads of one cache. */
export class Loading<V> {
  readonly #parts: LoadingParts<V>;
  readonly #shared: SharedReads<V> | undefined;
  readonly #flights = new Map<string, Flight<V>>();
  /** Nothing lies between memory and the loader. */
  readonly #isDirect: boolean;
  /** Reads of the shared tier for callers without a loader: nobody else may wait on them. */
  readonly #looks = new Set<Flight<V>>();
  /** Begun in this turn of the event loop: one question to each level below. */
  #departing: Flight<V>[] = [];
  readonly #retryAtMs = boundedMap<string, number>({ entries: retriesMax, policy: "fifo" });
  #running = 0;

  constructor(parts: LoadingParts<V>) {
    this.#parts = parts;
    this.#shared = parts.shared === undefined ? undefined : new SharedReads({ ...parts, link: parts.shared });
    this.#isDirect = parts.shared === undefined && !parts.options.rules.hasWriter;
  }

  get running(): number {
    return this.#running;
  }

  /** The load of a key that a new caller may wait on. One that may carry tags, and began before a tag was invalidated, is not. */
  flightOf(key: string): Flight<V> | undefined {
    const flight = this.#flights.get(key);
    if (flight === undefined || flight.start.stamp === this.#parts.memory.entries.tags.stamp) return flight;
    this.#supersede(flight);
    return undefined;
  }

  /** Whether a refresh of the key failed so lately that none is due. */
  isPaused(key: string, nowMs: number): boolean {
    const atMs = this.#retryAtMs.get(key);
    return atMs !== undefined && nowMs < atMs;
  }

  /** Begins to load keys that no flight is under way for. Throws {@link CacheBusyError}. */
  start(starts: readonly FlightStart<V>[], load: LoadFlights<V>): readonly Flight<V>[] {
    const { name, loadsMax } = this.#parts.options;
    if (this.#running + starts.length > loadsMax) throw new CacheBusyError(name, this.#running);
    this.#running += starts.length;
    const flights = starts.map((start) => new Flight(start, this.#abandoned));
    for (const flight of flights) {
      flight.prepare(load);
      if (flight.start.purpose === "look") this.#looks.add(flight);
      else this.#flights.set(flight.key, flight);
    }
    if (this.#isDirect) void this.#load(flights, load);
    else this.#depart(flights);
    return flights;
  }

  /** The same for one key. Where nothing lies between memory and the loader, the load is one promise. `nowMs`: the present. */
  startOne(start: FlightStart<V>, load: Load<V>, nowMs: number): Flight<V> | undefined {
    if (!this.#isDirect || start.rule.loadTimeoutMs !== undefined) return this.start([start], loadByOne(load))[0];
    const { name, loadsMax } = this.#parts.options;
    if (this.#running >= loadsMax) throw new CacheBusyError(name, this.#running);
    this.#running++;
    const flight = new Flight(start, this.#abandoned);
    this.#flights.set(start.key, flight);
    flight.carry(this.#flyAlone(flight, load, nowMs));
    return flight;
  }

  readonly #abandoned = (flight: Flight<V>): void => {
    this.#supersede(flight);
    flight.abort(abandonedReason);
  };

  /** What is running for this key is not stored any more, and nobody else waits on it. */
  supersedeKey(key: string): void {
    this.#supersede(this.#flights.get(key));
    for (const look of this.#looks) if (look.key === key) look.isSuperseded = true;
  }

  /** The same for all that an invalidation names. */
  supersede({ target }: Invalidation): void {
    if ("tags" in target) return; // by their stamps
    if ("keys" in target) for (const key of target.keys) this.supersedeKey(key);
    else for (const flight of [...this.#flights.values(), ...this.#looks]) this.#supersede(flight);
  }

  /** Aborts the signals of all that run. */
  abortAll(reason: unknown): void {
    for (const flight of this.#flights.values()) flight.abort(reason);
  }

  #supersede(flight: Flight<V> | undefined): void {
    if (flight === undefined) return;
    flight.isSuperseded = true;
    this.#takeOut(flight);
  }

  #takeOut(flight: Flight<V>): void {
    if (flight.start.purpose === "look") this.#looks.delete(flight);
    else if (this.#flights.get(flight.key) === flight) this.#flights.delete(flight.key);
  }

  async #flyAlone(flight: Flight<V>, load: Load<V>, startedAtMs: number): Promise<V | undefined> {
    const { clock } = this.#parts.options;
    this.#parts.counters.loads++;
    let value: V | undefined;
    try {
      value = await load(flight.key, flight);
    } catch (error) {
      const durationMs = clock.monotonic() - startedAtMs;
      this.#parts.counters.loadTotalMs += durationMs;
      this.#loadFailed(flight, error, durationMs);
      throw error;
    }
    const nowMs = clock.monotonic();
    this.#parts.counters.loadTotalMs += nowMs - startedAtMs;
    try {
      this.#land(flight, value, { durationMs: nowMs - startedAtMs, nowMs });
    } catch (error) {
      this.#fail(flight, error);
      throw error;
    }
    return value;
  }

  #depart(flights: readonly Flight<V>[]): void {
    if (this.#departing.length === 0)
      this.#parts.options.clock.nextTurn(() => {
        const departing = this.#departing;
        this.#departing = [];
        void this.#fly(departing);
      });
    for (const flight of flights) this.#departing.push(flight);
  }

  /** What neither a write on its way nor the shared tier answers is loaded. */
  async #fly(flights: readonly Flight<V>[]): Promise<void> {
    try {
      const unwritten = this.#parts.options.rules.hasWriter ? await this.#fromPending(flights) : flights;
      this.#loadOpen(this.#shared === undefined ? unwritten : await this.#fromShared(unwritten, this.#shared));
    } catch (error) {
      this.#failAll(flights, error);
    }
  }

  #loadOpen(flights: readonly Flight<V>[]): void {
    for (const [load, together] of Map.groupBy(flights, (flight) => flight.load))
      if (load !== undefined) void this.#load(together, load);
  }

  async #fromShared(flights: readonly Flight<V>[], shared: SharedReads<V>): Promise<readonly Flight<V>[]> {
    const { open, done, waiting, failed } = await shared.resolve(flights);
    for (const flight of done) this.#ended(flight);
    for (const { flight, retryAfterMs } of waiting) void this.#flyLater(flight, retryAfterMs);
    for (const { flight, error } of failed)
      void shared.recover(flight, error).then(
        (next) => (next === "load" ? this.#loadOpen([flight]) : this.#flyLater(flight, next)),
        (fault: unknown) => this.#fail(flight, fault),
      );
    return open;
  }

  async #flyLater(flight: Flight<V>, afterMs: number): Promise<void> {
    try {
      await this.#parts.options.clock.sleep(afterMs, { signal: flight.signal });
    } catch (error) {
      this.#fail(flight, error);
      return;
    }
    this.#depart([flight]);
  }

  /** A value that is written behind is not at the source yet: it is the answer. */
  async #fromPending(flights: readonly Flight<V>[]): Promise<readonly Flight<V>[]> {
    const unwritten: Flight<V>[] = [];
    for (const [writer, written] of Map.groupBy(flights, ({ start }) => start.rule.writer))
      try {
        const found = await pendingOf(writer, written);
        for (const [index, flight] of written.entries()) {
          const write = found[index] ?? "not-pending";
          if (write === "not-pending") unwritten.push(flight);
          else this.#landPending(flight, write);
        }
      } catch (error) {
        this.#failAll(written, error);
      }
    return unwritten;
  }

  #landPending(flight: Flight<V>, { value }: PendingWrite<V>): void {
    this.#store(flight, value, { durationMs: 0, nowMs: this.#parts.options.clock.monotonic() });
    flight.resolve(value);
    this.#ended(flight);
  }

  #failAll(flights: readonly Flight<V>[], error: unknown): void {
    for (const flight of flights) if (!flight.hasEnded) this.#fail(flight, error);
  }

  async #load(flights: readonly Flight<V>[], load: LoadFlights<V>): Promise<void> {
    try {
      await this.#loadAll(flights, load);
    } catch (error) {
      this.#failAll(flights, error);
    }
  }

  async #loadAll(flights: readonly Flight<V>[], load: LoadFlights<V>): Promise<void> {
    const { clock } = this.#parts.options;
    const startedAtMs = clock.monotonic();
    this.#parts.counters.loads += flights.length;
    let values: readonly (V | undefined)[];
    try {
      const limitMs = flights[0]?.start.rule.loadTimeoutMs;
      values = limitMs === undefined ? await load(flights) : await this.#inTime(flights, load, limitMs);
      if (values.length !== flights.length) throw new LoadCountError(flights.length, values.length);
    } catch (error) {
      const durationMs = clock.monotonic() - startedAtMs;
      this.#parts.counters.loadTotalMs += durationMs * flights.length;
      for (const flight of flights) this.#loadFailed(flight, error, durationMs);
      return;
    }
    const nowMs = clock.monotonic();
    const durationMs = nowMs - startedAtMs;
    this.#parts.counters.loadTotalMs += durationMs * flights.length;
    if (this.#shared === undefined)
      for (const [index, flight] of flights.entries()) this.#land(flight, values[index], { durationMs, nowMs });
    else await Promise.all(flights.map((flight, index) => this.#share(flight, values[index], durationMs)));
  }

  #loadFailed(flight: Flight<V>, error: unknown, durationMs: number): void {
    this.#parts.counters.loadFailures++;
    this.#fail(flight, error);
    this.#tell(flight, { outcome: "failed", durationMs, error });
  }

  async #inTime(
    flights: readonly Flight<V>[],
    load: LoadFlights<V>,
    limitMs: number,
  ): Promise<readonly (V | undefined)[]> {
    const { clock, name } = this.#parts.options;
    using late = signalAfter(clock, limitMs, () => new TimeoutError(`a load of cache "${name}"`, limitMs));
    try {
      return await abortable(load(flights), late.signal);
    } catch (error) {
      if (late.signal.aborted) for (const flight of flights) flight.abort(error);
      throw error;
    }
  }

  #land(flight: Flight<V>, value: V | undefined, { durationMs, nowMs }: Landing): void {
    const stored = this.#store(flight, value, { durationMs, nowMs });
    this.#parts.counters.refusedFills += stored === "refused" ? 1 : 0;
    flight.resolve(value);
    this.#ended(flight);
    if (loaded.active) this.#tell(flight, { outcome: value === undefined ? "absent" : "loaded", durationMs });
  }

  /** What the fleet refuses is not kept here either: it was written or invalidated somewhere meanwhile. */
  async #share(flight: Flight<V>, value: V | undefined, durationMs: number): Promise<void> {
    try {
      const life = this.#parts.memory.lifeOf(flight.start.rule, flight.key, value);
      if ((await this.#shared?.fill(flight, value, life)) === "refused") flight.isSuperseded = true;
      this.#land(flight, value, { durationMs, nowMs: this.#parts.options.clock.monotonic() });
    } catch (error) {
      this.#fail(flight, error);
    }
  }

  /** `refused`: something came between. */
  #store(
    flight: Flight<V>,
    value: V | undefined,
    { durationMs: costMs, nowMs }: Landing,
  ): "stored" | "refused" | "not kept" {
    const { memory } = this.#parts;
    const { key, rule, stamp } = flight.start;
    const version = memory.versionOf(value, key);
    if (flight.isSuperseded) return "refused";
    const tags = memory.tagsOf(value, key, flight.start.tags);
    if (!memory.entries.tags.holds(tags, stamp)) return "refused";
    const life: Life = memory.lifeOf(rule, key, value);
    const holding = holdingOf(value);
    const kept = memory.store({ key, holding, rule, life, tags, version, stamp, costMs }, nowMs);
    return kept === "outdated" ? "refused" : kept === "refused" ? "not kept" : "stored";
  }

  #fail(flight: Flight<V>, error: unknown): void {
    const { memory, options } = this.#parts;
    const { key, rule } = flight.start;
    if (flight.token !== undefined) void this.#parts.shared?.abandon(key, flight.token);
    flight.token = undefined;
    if (!flight.isSuperseded) {
      memory.storeFailure(key, rule, error);
      if (memory.entries.find(key) >= 0) this.#pause(key, options.clock.monotonic() + rule.refreshRetryMs);
    }
    if (flight.fallback === undefined) flight.reject(error);
    else flight.resolve(flight.fallback.value);
    this.#ended(flight, "failed");
  }

  #pause(key: string, untilMs: number): void {
    this.#retryAtMs.set(key, untilMs);
  }

  #ended(flight: Flight<V>, how: "done" | "failed" = "done"): void {
    if (flight.hasEnded) return;
    flight.hasEnded = true;
    this.#running--;
    this.#takeOut(flight);
    if (how === "done" && this.#retryAtMs.size > 0) this.#retryAtMs.delete(flight.key);
  }

  #tell(
    flight: Flight<V>,
    event: { outcome: "loaded" | "absent" | "failed"; durationMs: number; error?: unknown },
  ): void {
    if (!loaded.active) return;
    const { purpose } = flight.start;
    loaded.publish({ cache: this.#parts.options.name, key: flight.key, purpose, ...event });
  }
}

/** Made once: an abort without a reason builds an exception with a stack. */
const abandonedReason = new DOMException("nobody waits for the result any more", "AbortError");

async function pendingOf<V>(
  writer: Writer<V> | undefined,
  flights: readonly Flight<V>[],
): Promise<readonly (PendingWrite<V> | "not-pending")[]> {
  return writer?.pending === undefined ? [] : writer.pending(flights.map(({ key }) => key));
}

function loadByOne<V>(load: Load<V>): LoadFlights<V> {
  return async ([flight]) => (flight === undefined ? [] : [await load(flight.key, flight)]);
}
