import type { RuleKind } from "./rule.ts";

/** How one rule stands for a key. */
export interface LimitStatus {
  readonly name: string;
  readonly kind: RuleKind;
  readonly limit: number;
  readonly windowMs: number;
  /** Whole permits that fit now. */
  readonly remaining: number;
  /** Until the limit is whole again, at most. */
  readonly resetAfterMs: number;
}

/** Who judged: the store; the local store because the store was down; nobody, because of that too. */
export type JudgedBy = "store" | "local" | "nobody";

/** What a granted call knows. Its disposal gives back the permits of concurrency rules, and only those. */
export interface Granted extends AsyncDisposable {
  readonly allowed: true;
  /** How long the call is to wait before it starts; 0 without a leaky bucket. */
  readonly delayMs: number;
  readonly judgedBy: JudgedBy;
  /** As they stand after this call, in memory when read; empty when nobody judged. */
  readonly limits: readonly LimitStatus[];
  /**
   * Gives all permits back, once: the call was not made after all. Rates get back what has not drained yet, windows what still counts. Never
   * rejects: what the store does not hear of goes on counting until its time is over.
   */
  giveBack(): Promise<void>;
  /** Prolongs the leases of concurrency rules; "lost" when one has run out, and when the store is down. */
  renew(): Promise<"renewed" | "lost">;
}

/** A call that is not to be made. Nothing was taken. */
export interface Refused extends AsyncDisposable {
  readonly allowed: false;
  /** "limit": by a rule. "store-down": nobody could judge, and the limiter is closed then. */
  readonly reason: "limit" | "store-down";
  /** The rule that it must wait for longest; "" when the store is down. */
  readonly limitedBy: string;
  /** The same call passes after that time, if nobody else takes before. Infinity when it costs more than ever fits. */
  readonly retryAfterMs: number;
  readonly judgedBy: JudgedBy;
  readonly limits: readonly LimitStatus[];
}

/** The answer to a take. Refusals are values. */
export type Decision = Granted | Refused;

/** {@link Granted} from a store that answers at once. */
export interface GrantedNow extends Disposable {
  readonly allowed: true;
  readonly delayMs: number;
  /** As they stand when read. */
  readonly limits: readonly LimitStatus[];
  giveBack(): void;
  renew(): "renewed" | "lost";
}

/** {@link Refused} from a store that answers at once. */
export interface RefusedNow extends Disposable {
  readonly allowed: false;
  readonly reason: "limit";
  readonly limitedBy: string;
  readonly retryAfterMs: number;
  /** As they stand when read. */
  readonly limits: readonly LimitStatus[];
}

/** The answer of `takeNow`. */
export type NowDecision = GrantedNow | RefusedNow;
