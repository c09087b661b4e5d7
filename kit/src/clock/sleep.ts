import type { Clock, SleepOptions } from "./clock.ts";

/** The `sleep` of every clock, in terms of its `setTimer`. */
export function sleepOn(clock: Pick<Clock, "setTimer">, delayMs: number, options?: SleepOptions): Promise<void> {
  const signal = options?.signal;
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const abort = (): void => {
      timer.cancel();
      reject(signal?.reason);
    };
    const timer = clock.setTimer(delayMs, () => {
      signal?.removeEventListener("abort", abort);
      resolve();
    });
    signal?.addEventListener("abort", abort, { once: true });
  });
}
