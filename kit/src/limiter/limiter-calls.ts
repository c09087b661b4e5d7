import type { Decision, NowDecision } from "./decision.ts";

/** What one call asks. */
export interface TakeOptions<Tier extends string = never> {
  /** Permits, 1 to 1e9. Default 1. */
  readonly cost?: number;
  readonly tier?: Tier;
}

/** Says who may pass. */
export interface Limiter<Tier extends string = never> {
  readonly name: string;
  /** Takes permits under every rule that applies, or under none. Keys have at most 512 characters; longer ones and costs out of range
   *  throw ConfigError. Never rejects because of the store. */
  take(key: string, options?: TakeOptions<Tier>): Promise<Decision>;
  /** What `take` would answer now; takes nothing. */
  peek(key: string, options?: TakeOptions<Tier>): Promise<Decision>;
}

/** A limiter that can also answer at once. */
export interface NowLimiter<Tier extends string = never> extends Limiter<Tier> {
  /** `take` without waiting. */
  takeNow(key: string, options?: TakeOptions<Tier>): NowDecision;
}
