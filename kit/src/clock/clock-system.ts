// Imported: the global of that name is an accessor, which every reading would pay for, 5 ns of 40.
import { performance } from "node:perf_hooks";
import { invariant } from "../errors/mod.ts";
import type { Clock, SleepOptions, Timer, TimerOptions } from "./clock.ts";
import { sleepOn } from "./sleep.ts";

// Node turns a longer delay into 1 ms (a 32-bit signed integer in libuv's wrapper), so longer ones are chained.
const delayMaxMs = 2_147_483_647;

/** The machine's own time. Its timers are late by as much as the event loop is busy, and at most 1 ms early, for Node counts whole ones. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  setTimer(delayMs: number, ring: () => void, options?: TimerOptions): Timer {
    invariant(!Number.isNaN(delayMs), "a timer's delay is a number");
    return new SystemTimer(delayMs, ring, options?.holdsProcess ?? "yes");
  },
  sleep(delayMs: number, options?: SleepOptions): Promise<void> {
    return sleepOn(systemClock, delayMs, options);
  },
  nextTurn(run: () => void): void {
    setImmediate(run);
  },
};

class SystemTimer implements Timer {
  readonly #ring: () => void;
  readonly #holdsProcess: "yes" | "no";
  #handle: NodeJS.Timeout | undefined;

  constructor(delayMs: number, ring: () => void, holdsProcess: "yes" | "no") {
    this.#ring = ring;
    this.#holdsProcess = holdsProcess;
    if (delayMs <= delayMaxMs) this.#arm(delayMs, ring);
    else this.#armChain(performance.now() + delayMs);
  }

  cancel(): void {
    clearTimeout(this.#handle);
    this.#handle = undefined;
  }

  #armChain(dueMs: number): void {
    const restMs = dueMs - performance.now();
    if (restMs <= delayMaxMs) this.#arm(restMs, this.#ring);
    else this.#arm(delayMaxMs, () => this.#armChain(dueMs));
  }

  #arm(delayMs: number, ring: () => void): void {
    this.#handle = setTimeout(ring, Math.ceil(delayMs));
    if (this.#holdsProcess === "no") this.#handle.unref();
  }
}
