import { DecodeError } from "../codec/mod.ts";
import type { Flight } from "./flight.ts";
import { holdingOf, type Life, type MemoryLevel } from "./memory-level.ts";
import type { CacheRules } from "./options.ts";
import type { LeaseRequest, SharedEntry, SharedRead } from "./shared-tier.ts";
import type { SharedLink } from "./shared-link.ts";
import type { Counters } from "./statistics.ts";

/** What reading through the shared tier works with. */
export interface SharedReadsParts<V> {
  readonly options: CacheRules<V>;
  readonly memory: MemoryLevel<V>;
  readonly counters: Counters;
  readonly link: SharedLink<V>;
}

/** Fresh for so many times longer than what is in hand: another value than that. */
const newsFactor = 2;

/** What is left to do after a read of the shared tier. */
export interface Unresolved<V> {
  /** To be loaded here, with or without the right to fill. */
  readonly open: readonly Flight<V>[];
  /** Answered. */
  readonly done: readonly Flight<V>[];
  /** Somebody else is loading. */
  readonly waiting: readonly { readonly flight: Flight<V>; readonly retryAfterMs: number }[];
}

/** Answers flights from the shared tier, and fills it with what they bring. */
export class SharedReads<V> {
  readonly #parts: SharedReadsParts<V>;

  constructor(parts: SharedReadsParts<V>) {
    this.#parts = parts;
  }

  async resolve(flights: readonly Flight<V>[]): Promise<Unresolved<V>> {
    if (flights.length === 0) return { open: [], done: [], waiting: [] };
    const { link } = this.#parts;
    const keys = flights.map(({ key }) => key);
    const reads = await link.read(keys, this.#leaseFor(flights));
    if (reads === undefined) return { open: flights, done: [], waiting: [] };
    const open: Flight<V>[] = [];
    const done: Flight<V>[] = [];
    const waiting: { flight: Flight<V>; retryAfterMs: number }[] = [];
    for (const [index, flight] of flights.entries()) {
      const next = await this.#take(flight, reads[index] ?? { kind: "missing" });
      if (next === "load") open.push(flight);
      else if (next === "done") done.push(flight);
      else waiting.push({ flight, retryAfterMs: next });
    }
    return { open, done, waiting };
  }

  /** Stores under the flight's token what was loaded. `refused`: something came between, somewhere in the fleet. */
  async fill(flight: Flight<V>, value: V | undefined, life: Life): Promise<"stored" | "refused" | "unknown"> {
    const { token, key } = flight;
    if (token === undefined) return "unknown";
    const { link } = this.#parts;
    const isKept = !flight.isSuperseded && life.keptMs > 0;
    const entry = isKept ? this.entryOf(key, value, { life, tags: flight.start.tags }) : undefined;
    flight.token = undefined;
    if (entry !== undefined) return link.fill(key, token, entry);
    await link.abandon(key, token);
    return "unknown";
  }

  /** What the tier keeps of a value. Throws EncodeError. */
  entryOf(
    key: string,
    value: V | undefined,
    of: { readonly life: Life; readonly tags: readonly string[] | undefined; readonly version?: number | undefined },
  ): SharedEntry {
    const { memory, link } = this.#parts;
    return {
      body: value === undefined ? undefined : link.rules.codec.encode(value),
      freshMs: of.life.freshMs,
      keptMs: of.life.keptMs,
      tags: [...new Set(memory.tagsOf(value, key, of.tags))],
      version: memory.versionOf(value, key, of.version),
    };
  }

  #leaseFor(flights: readonly Flight<V>[]): LeaseRequest | undefined {
    const [first] = flights;
    if (first?.start.purpose === "look") return undefined;
    const of = flights.some(({ start }) => start.leftMs > 0) ? "any" : "missing-or-stale";
    return { forMs: this.#parts.link.rules.fillLeaseMs, of };
  }

  async #take(flight: Flight<V>, read: SharedRead): Promise<"load" | "done" | number> {
    switch (read.kind) {
      case "missing":
        flight.token = read.token;
        return "load";
      case "loading":
        return this.#waitOrLoad(flight, read.retryAfterMs);
      case "found":
        return this.#takeFound(flight, read);
      default:
        throw new Error(`unknown read ${read satisfies never}`);
    }
  }

  #waitOrLoad(flight: Flight<V>, retryAfterMs: number): "load" | number {
    const nowMs = this.#parts.options.clock.monotonic();
    flight.waitsUntilMs ??= nowMs + this.#parts.link.rules.fillWaitMs;
    const leftMs = flight.waitsUntilMs - nowMs;
    return leftMs <= 0 ? "load" : Math.min(retryAfterMs, leftMs);
  }

  async #takeFound(
    flight: Flight<V>,
    read: SharedRead & { readonly kind: "found" },
  ): Promise<"load" | "done" | number> {
    const { link, counters } = this.#parts;
    let value: V | undefined;
    try {
      value = read.entry.body === undefined ? undefined : link.rules.codec.decode(read.entry.body);
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      await link.discard(flight.key, error);
      return this.#waitOrLoad(flight, 0);
    }
    const isFresh = read.entry.freshMs > 0;
    counters.sharedHits++;
    // A refresh ahead of the end goes on, unless somebody else has done it meanwhile.
    const isNews = isFresh && read.entry.freshMs > newsFactor * flight.start.leftMs;
    if (isNews && read.token !== undefined) await link.abandon(flight.key, read.token);
    if (isNews || read.token === undefined) return this.#settle(flight, read.entry, value);
    flight.token = read.token;
    if (!isFresh) this.#keep(flight, read.entry, value);
    flight.fallback = { value };
    if (flight.start.rule.stale === "while-refreshing") flight.resolve(value);
    return "load";
  }

  #settle(flight: Flight<V>, entry: SharedEntry, value: V | undefined): "done" {
    this.#keep(flight, entry, value);
    flight.resolve(value);
    return "done";
  }

  #keep(flight: Flight<V>, entry: SharedEntry, value: V | undefined): void {
    const { memory, options } = this.#parts;
    const { key, rule, stamp } = flight.start;
    if (flight.isSuperseded) return;
    if (!memory.entries.tags.holds(entry.tags, stamp)) return;
    const life = { freshMs: entry.freshMs, keptMs: entry.keptMs };
    const { tags, version } = entry;
    const holding = holdingOf(value);
    memory.store({ key, holding, rule, life, tags, version, stamp, costMs: 0 }, options.clock.monotonic());
  }
}
