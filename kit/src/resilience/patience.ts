import { numberIn } from "../errors/mod.ts";
import { durationMaxMs } from "./backoff.ts";
import type { Ended } from "./verdict.ts";

/**
 * How long a retry waits for whoever could not be reached at all: a process that restarts is back in a moment. While it lasts nobody has borne
 * any load, so a pause costs no budget, and the attempts before it no longer count. It ends with the deadline at the latest, and the call then with
 * what happened last.
 */
export interface PatienceOptions {
  /** Whether an end says that nobody was reached: no address is known, each connection was refused. When it throws, the call fails with that. */
  readonly on: (ended: Ended) => boolean;
  /** So long after the call began; 0 for no patience, at most ten years. */
  readonly withinMs: number;
  /** Pause before the next look, 1 ms to ten years. Default 250 ms. */
  readonly pauseMs?: number | undefined;
  /** Calls `onNews` when it may be worth another look, which ends the pause; until disposed. Default: there are no news. */
  readonly watch?: ((onNews: () => void) => Disposable) | undefined;
}

/** All of {@link PatienceOptions}, in range. */
export interface Patience {
  readonly on: (ended: Ended) => boolean;
  readonly withinMs: number;
  readonly pauseMs: number;
  readonly watch: ((onNews: () => void) => Disposable) | undefined;
}

/** Throws ConfigError. */
export function patienceOf({ on, withinMs, pauseMs = 250, watch }: PatienceOptions): Patience {
  return {
    on,
    withinMs: numberIn("patience.withinMs", withinMs, { min: 0, max: durationMaxMs }),
    pauseMs: numberIn("patience.pauseMs", pauseMs, { min: 1, max: durationMaxMs }),
    watch,
  };
}
