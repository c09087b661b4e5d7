import type { Clock } from "../clock/mod.ts";
import type { Random } from "../random/mod.ts";
import type { Guard } from "./guard.ts";
import type { FallbackLayer, HedgeLayer, RetryLayer } from "./layers.ts";
import type { Timeouts } from "./timeouts.ts";
import type { Judge } from "./verdict.ts";

/** A pipeline, compiled: what the frame needs, in the order in which it needs it. */
export interface Plan {
  readonly name: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly judge: Judge | undefined;
  readonly fallback: FallbackLayer | undefined;
  /** Infinity without one. */
  readonly deadlineMs: number;
  /** Around all attempts. */
  readonly outer: readonly Guard[];
  readonly retry: RetryLayer | undefined;
  readonly hedge: HedgeLayer | undefined;
  /** Around each attempt. */
  readonly guards: readonly Guard[];
  /** Infinity without one. */
  readonly timeoutMs: number;
  /** Whether every call needs to know when it began. */
  readonly isTimed: boolean;
  readonly timeouts: Timeouts;
}
