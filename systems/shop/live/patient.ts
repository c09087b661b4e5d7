import type { Clock } from "ashlar/clock";
import { isRetryable } from "ashlar/errors";

const attemptsMax = 20;
const pauseMs = 1_000;

/** Does what a good client does when the shop has no room, or is being started again: comes back, with the same key. */
export async function patient<T>(
  { clock, signal }: { readonly clock: Clock; readonly signal: AbortSignal },
  work: () => Promise<T>,
): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    signal.throwIfAborted();
    try {
      return await work();
    } catch (error) {
      if (attempt === attemptsMax || !isRetryable(error)) throw error;
    }
    await clock.sleep(pauseMs, { signal });
  }
}
