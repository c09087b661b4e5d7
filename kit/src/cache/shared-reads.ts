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
  /** What the tier has for them cannot be taken. */
  readonly failed: readonly { readonly flight: Flight<V>; readonly error: unknown }[];
}

/** Answers flights from the shared tier, and fills it with what they bring. */
export class SharedReads<V> {
  readonly #parts: SharedReadsParts<V>;

  constructor(parts: SharedReadsParts<V>) {
    this.#parts = parts;
  }

  /** Flights with equal leases are one read of the tier. */
  async resolve(flights: readonly Flight<V>[]): Promise<Unresolved<V>> {
    const left = { open: [], done: [], waiting: [], failed: [] };
    const byLease = Map.groupBy(flights, leaseKindOf);
    await Promise.all([...byLease].map(([kind, alike]) => this.#resolve(alike, kind, left)));
    return left;
  }

  /** Takes out of the tier what nobody can read. Rejects with any other error. */
  async recover(flight: Flight<V>, error: unknown): Promise<"load" | number> {
    if (!(error instanceof DecodeError)) throw error;
    await this.#parts.link.discard(flight.key, error);
    return this.#waitOrLoad(flight, 0);
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

  async #resolve(flights: readonly Flight<V>[], kind: LeaseKind, left: Left<V>): Promise<void> {
    const { link } = this.#parts;
    const lease = kind === "none" ? undefined : { forMs: link.rules.fillLeaseMs, of: kind };
    const reads = await link.read(
      flights.map(({ key }) => key),
      lease,
    );
    for (const [index, flight] of flights.entries())
      try {
        if (reads === undefined) left.open.push(flight);
        else this.#take(flight, reads[index] ?? { kind: "missing" }, left);
      } catch (error) {
        left.failed.push({ flight, error });
      }
  }

  #take(flight: Flight<V>, read: SharedRead, left: Left<V>): void {
    switch (read.kind) {
      case "missing":
        flight.token = read.token;
        left.open.push(flight);
        return;
      case "loading": {
        const next = this.#waitOrLoad(flight, read.retryAfterMs);
        if (next === "load") left.open.push(flight);
        else left.waiting.push({ flight, retryAfterMs: next });
        return;
      }
      case "found":
        this.#takeFound(flight, read, left);
        return;
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

  #takeFound(flight: Flight<V>, read: SharedRead & { readonly kind: "found" }, left: Left<V>): void {
    const { link, counters } = this.#parts;
    const { entry, token } = read;
    const value = entry.body === undefined ? undefined : link.rules.codec.decode(entry.body);
    const isFresh = entry.freshMs > 0;
    counters.sharedHits++;
    // A refresh ahead of the end goes on, unless somebody else has done it meanwhile.
    const isNews = isFresh && entry.freshMs > newsFactor * flight.start.leftMs;
    if (token === undefined || isNews) {
      if (token !== undefined) void link.abandon(flight.key, token);
      this.#keep(flight, entry, value);
      flight.resolve(value);
      left.done.push(flight);
      return;
    }
    flight.token = token;
    if (!isFresh) this.#keep(flight, entry, value);
    flight.fallback = { value };
    if (flight.start.rule.stale === "while-refreshing") flight.resolve(value);
    left.open.push(flight);
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

type LeaseKind = LeaseRequest["of"] | "none";

function leaseKindOf<V>({ start }: Flight<V>): LeaseKind {
  if (start.purpose === "look") return "none";
  return start.leftMs > 0 ? "any" : "missing-or-stale";
}

type Left<V> = { readonly [Kind in keyof Unresolved<V>]: Unresolved<V>[Kind][number][] };
