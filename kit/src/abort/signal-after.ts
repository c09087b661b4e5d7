import type { Clock } from "../clock/mod.ts";
import type { HeldSignal } from "./link-signals.ts";

/**
 * Aborts after `delayMs` with what `reason` returns (made only then, so that a deadline that is kept costs no stack trace).
 * Disposing cancels the timer. Unlike AbortSignal.timeout it follows the clock it is given and can be called off.
 */
export function signalAfter(clock: Clock, delayMs: number, reason: () => unknown): HeldSignal {
  const controller = new AbortController();
  const timer = clock.setTimer(delayMs, () => controller.abort(reason()));
  return { signal: controller.signal, [Symbol.dispose]: () => timer.cancel() };
}
