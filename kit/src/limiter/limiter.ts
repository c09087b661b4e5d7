import { type Clock, systemClock } from "../clock/mod.ts";
import { ConfigError, integerIn, textOf } from "../errors/mod.ts";
import { idSource, type Random, systemRandom } from "../random/mod.ts";
import type { Limiter, NowLimiter } from "./limiter-calls.ts";
import { GuardedStore, type StoreDown } from "./guarded-store.ts";
import { plansOf } from "./plan.ts";
import type { Rule } from "./rule.ts";
import type { LimiterStore, NowStore } from "./store.ts";
import { NowTakes } from "./now-takes.ts";
import { StoreTakes } from "./store-takes.ts";

/** What a limiter is made of. */
export interface LimiterOptions<Tier extends string = never> {
  /** Limiters of one name on one store share their counts. 1 to 100 characters. */
  readonly name: string;
  /** For every call; 1 to 16 with those of a tier. All of them grant a call, or none counts it. */
  readonly rules?: readonly Rule[];
  /** Rules that are added for callers of a tier. */
  readonly tiers?: Readonly<Record<Tier, readonly Rule[]>>;
  /** What is left of the limits at present, above 0 to 1 (lower counts as 0.001): each permit then costs 1 / factor. See `adaptiveFactor`. */
  readonly factor?: () => number;
  readonly clock?: Clock;
  /** Names permits of rules that keep entries. */
  readonly random?: Random;
}

/** A limiter over a store of other processes, too. */
export interface StoreLimiterOptions<Tier extends string = never> extends LimiterOptions<Tier> {
  readonly store: LimiterStore;
  /** Default "open": a limiter protects, it must not be what takes the service down. */
  readonly storeDown?: StoreDown;
  /** Longest wait for the store, 1 to 60,000 ms. Default 250. */
  readonly storeTimeoutMs?: number;
  /** Failures in a row after which the store is left alone, 1 to 1,000. Default 5. */
  readonly failuresMax?: number;
  /** For how long, 1 ms to 1 h. Default 1 s; then one call probes. */
  readonly coolDownMs?: number;
  /** Calls that may wait for the store; further ones are judged as if it were down. 1 to 1,000,000, default 10,000. */
  readonly pendingMax?: number;
}

/** A limiter over a store that answers at once. */
export interface NowLimiterOptions<Tier extends string = never> extends LimiterOptions<Tier> {
  readonly store: NowStore;
}

/**
 * A limiter over rules. With a store that answers at once it can take at once (`takeNow`) and has nothing that can be down; over any other
 * store calls of one turn share a round trip, and a breaker stands before it. Throws ConfigError. Holds nothing that must be closed.
 */
export function limiter<Tier extends string = never>(options: NowLimiterOptions<Tier>): NowLimiter<Tier>;
export function limiter<Tier extends string = never>(options: StoreLimiterOptions<Tier>): Limiter<Tier>;
export function limiter(options: StoreLimiterOptions<string>): Limiter<string> {
  const { rules = [], clock = systemClock, random = systemRandom, store } = options;
  const name = textOf("name", options.name, { lengthMax: 100 });
  const settings = {
    name,
    plans: plansOf(name, rules, options.tiers ?? {}),
    factor: options.factor ?? whole,
    nextId: idSource({ clock, random }),
  };
  if (isNow(store)) return new NowTakes(store, settings);
  const guarded = new GuardedStore(store, {
    limiter: name,
    clock,
    storeDown: storeDownOf(options.storeDown ?? "open"),
    timeoutMs: integerIn("storeTimeoutMs", options.storeTimeoutMs ?? 250, { min: 1, max: 60_000 }),
    failuresMax: integerIn("failuresMax", options.failuresMax ?? 5, { min: 1, max: 1_000 }),
    coolDownMs: integerIn("coolDownMs", options.coolDownMs ?? 1_000, { min: 1, max: 3_600_000 }),
    pendingMax: integerIn("pendingMax", options.pendingMax ?? 10_000, { min: 1, max: 1_000_000 }),
  });
  return new StoreTakes(guarded, settings);
}

const whole = (): number => 1;

function isNow(store: LimiterStore): store is NowStore {
  return "decideNow" in store;
}

function storeDownOf(value: StoreDown): StoreDown {
  if (typeof value === "object" || value === "open" || value === "closed") return value;
  throw new ConfigError("storeDown", value, 'one of "open", "closed", or a local store and its share');
}
