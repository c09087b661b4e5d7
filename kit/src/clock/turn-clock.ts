import type { Clock } from "./clock.ts";

// From the fourth reading in so short a time on, readings are shared for the rest of the turn.
const closeMs = 0.05;
const closeReadings = 4;
/** So often a shared reading is used at most, so that a long turn that goes on asking does not stand still in time. */
const sharesMax = 256;

/**
 * Monotonic time for those who ask often. A reading of the machine's clock costs as much as looking up a key, so that a burst of
 * readings within one turn of the event loop shares one; after the turn, or 256 uses, it is read anew. Nothing is scheduled while
 * nobody asks, nor for single readings.
 */
export class TurnClock {
  readonly #clock: Pick<Clock, "monotonic" | "nextTurn">;
  #atMs = -Infinity;
  #sharesLeft = 0;
  #close = 0;
  #isTurnWatched = false;

  constructor(clock: Pick<Clock, "monotonic" | "nextTurn">) {
    this.#clock = clock;
  }

  nowMs(): number {
    if (this.#sharesLeft > 0) {
      this.#sharesLeft--;
      return this.#atMs;
    }
    return this.#read();
  }

  /** The machine's own time, for what is stored. */
  exactMs(): number {
    this.#sharesLeft = 0;
    this.#atMs = this.#clock.monotonic();
    return this.#atMs;
  }

  #read(): number {
    const nowMs = this.#clock.monotonic();
    this.#close = nowMs - this.#atMs < closeMs ? this.#close + 1 : 0;
    this.#atMs = nowMs;
    if (this.#isTurnWatched) this.#sharesLeft = sharesMax;
    else if (this.#close >= closeReadings) {
      this.#isTurnWatched = true;
      this.#sharesLeft = sharesMax;
      this.#clock.nextTurn(this.#turnEnded);
    }
    return nowMs;
  }

  readonly #turnEnded = (): void => {
    this.#isTurnWatched = false;
    this.#sharesLeft = 0;
    this.#close = 0;
  };
}
