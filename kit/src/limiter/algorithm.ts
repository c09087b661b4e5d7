/** What a call asks of one rule. Not kept by who gets it. */
export interface Ask {
  /** Permits that must fit at once. */
  readonly cost: number;
  /** Permits that are taken: more than the cost when the limiter's factor is below 1. One that outweighs an empty limit passes into debt. */
  readonly weight: number;
  /** Names the permits of rules that keep entries; "" where none does. */
  readonly id: string;
}

/** What is known about a take under one rule; with it the permits can be given back. */
export interface Receipt extends Ask {
  /** When, in microseconds of the store's time. */
  readonly atUs: number;
  /** What the rule held directly after. */
  readonly level: number;
  /** Permits given back out of turn until then. */
  readonly shift: number;
}

/**
 * An algorithm over the states of many keys, each in a numbered slot. Times are whole microseconds that never go back. Slot 0 is never
 * written: it is the state of a key that nobody has used.
 */
export interface Algorithm {
  /** 0 when the permits fit now; else how long until they do, if nobody else takes any; Infinity when they never can. Changes nothing. */
  waitUs(slot: number, nowUs: number, ask: Ask): number;
  /** Takes permits for which `waitUs` has just said 0. */
  take(slot: number, nowUs: number, ask: Ask): void;
  /** `waitUs`, and `take` when that is 0, in one go. */
  takeIfFits(slot: number, nowUs: number, ask: Ask): number;
  /** Gives permits back, as far as that cannot let more pass than if they had never been taken. Twice is once for entries only. */
  giveBack(slot: number, nowUs: number, receipt: Receipt): void;
  /** The state directly after a take, as numbers for its receipt. */
  level(slot: number): number;
  shift(slot: number): number;
  /** How long a call waits before it starts, of whose permits `weight` are taken already; 0 but for leaky buckets. */
  delayUs(slot: number, nowUs: number, weight: number): number;
  /** Permits that fit now, rounded down. */
  remaining(slot: number, nowUs: number): number;
  /** When the state will be as if nobody had ever used the key. */
  idleAtUs(slot: number): number;
  clear(slot: number): void;
}
