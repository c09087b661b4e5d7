import type { PlacedRule } from "./rule.ts";
import type { Ask, Receipt } from "./algorithm.ts";

/** One rule for one key. */
export interface Target {
  readonly placed: PlacedRule;
  /** "" for rules that everyone shares. */
  readonly key: string;
}

/** Permits under every target, or under none; "peek" takes none either way. */
export interface TakeCall extends Ask {
  readonly op: "take" | "peek";
  readonly targets: readonly Target[];
}

/** What a store is asked in one go. */
export type StoreCall =
  | TakeCall
  /** Gives back what a take got: `receipts[i]` under `targets[i]`. */
  | { readonly op: "give-back"; readonly targets: readonly Target[]; readonly receipts: readonly Receipt[] }
  /** Prolongs the leases of that id; "refused" when one of them is gone. */
  | { readonly op: "renew"; readonly targets: readonly Target[]; readonly id: string };

/** How one rule stands after a call, and what giving back needs. */
export interface Standing extends Receipt {
  /** 0: this rule lets the call pass. Infinity: it never will. */
  readonly waitUs: number;
  /** How long the granted call is to wait before it starts (leaky bucket). */
  readonly delayUs: number;
  readonly remaining: number;
  /** Until the limit is whole again. */
  readonly fullAfterUs: number;
}

/** The answer to one call; `standings[i]` is that of `targets[i]`. Empty for "give-back" and "renew". */
export interface Verdict {
  readonly kind: "granted" | "refused";
  readonly standings: readonly Standing[];
}

/**
 * The port: where the states of limits lie. A store decides by its own time, in microseconds, which it never lets go back; so processes with
 * different clocks agree. A batch is one round trip. Its calls are decided one after another in their order, each atomically: of several
 * targets all are taken or none, a refused call leaves no trace, and no other process sees or comes between. Rules are plain data, so that a
 * script on the server can judge them; equal calls of a batch may be judged together. States that have recovered are dropped by time, never by
 * a timer that must have run. Rejects when the store cannot be reached; the calls may then have happened.
 */
export interface LimiterStore {
  /** "memory", "sqlite". */
  readonly name: string;
  decide(calls: readonly StoreCall[]): Promise<readonly Verdict[]>;
}

/** A store that answers at once, in the caller's own turn. */
export interface NowStore extends LimiterStore {
  decideNow(call: StoreCall): Verdict;
  /** The keys of one rule, for callers on a hot path. */
  shelf(placed: PlacedRule): Shelf;
  /** The store's time in microseconds. */
  nowUs(): number;
}

/** The keys of one rule in a {@link NowStore}. */
export interface Shelf {
  /** As a "take" of this rule alone: 0 when granted, else how long to wait, Infinity for ever. */
  take(key: string, nowUs: number, ask: Ask): number;
  /** What the receipt of the take just granted says. */
  readonly level: number;
  readonly shift: number;
}
