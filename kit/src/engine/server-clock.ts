import { type Clock, type SleepOptions, systemClock, type Timer, type TimerOptions } from "../clock/mod.ts";

// Two readings of the server's time a round trip of this age apart are compared anew: clocks drift by some ten milliseconds an hour.
const anchorMaxAgeMs = 30_000;
const readEveryMs = 5_000;
// What a better reading takes back is waited for; a server that was put back by more is followed.
const heldMaxMs = 1_000;

/**
 * The server's time, as every process sees it that asks the same server: an anchor, moved on by this process's monotonic clock. The wall clock of this
 * machine does not matter. It is off by half a round trip at most, and by what the two clocks drift apart between two transactions.
 */
export class ServerClock implements Clock {
  #offsetMs: number;
  #roundTripMs = Infinity;
  #anchoredMs = -Infinity;
  #lastMs = -Infinity;

  constructor() {
    this.#offsetMs = systemClock.now() - systemClock.monotonic();
  }

  /** Whether a reading is due. */
  get isStale(): boolean {
    return systemClock.monotonic() - this.#anchoredMs > readEveryMs;
  }

  /** A reading of the server's clock that was asked for and answered at these monotonic times. */
  anchor(serverMs: number, { sentMs, receivedMs }: { readonly sentMs: number; readonly receivedMs: number }): void {
    const roundTripMs = receivedMs - sentMs;
    const offsetMs = serverMs - (sentMs + receivedMs) / 2;
    const isStale = receivedMs - this.#anchoredMs > anchorMaxAgeMs;
    // A correction of the server's clock shows at once; else the reading with the shortest way counts.
    const isCorrected = Math.abs(offsetMs - this.#offsetMs) > roundTripMs / 2 + this.#roundTripMs / 2;
    if (!isStale && !isCorrected && roundTripMs > this.#roundTripMs) return;
    this.#offsetMs = offsetMs;
    this.#roundTripMs = roundTripMs;
    this.#anchoredMs = receivedMs;
  }

  /** Goes back only when the server's own clock is put back by more than a second. */
  now(): number {
    const nowMs = Math.floor(systemClock.monotonic() + this.#offsetMs);
    if (nowMs < this.#lastMs && this.#lastMs - nowMs < heldMaxMs) return this.#lastMs;
    this.#lastMs = nowMs;
    return nowMs;
  }

  monotonic(): number {
    return systemClock.monotonic();
  }

  setTimer(delayMs: number, ring: () => void, options?: TimerOptions): Timer {
    return systemClock.setTimer(delayMs, ring, options);
  }

  sleep(delayMs: number, options?: SleepOptions): Promise<void> {
    return systemClock.sleep(delayMs, options);
  }

  nextTurn(run: () => void): void {
    systemClock.nextTurn(run);
  }
}
