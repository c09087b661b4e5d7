import type { Clock } from "../clock/mod.ts";

/** A prefetched job should start within about this time, or it had better stay in the queue, where an idle worker can take it. */
const horizonMs = 100;
const sampleMs = 5;

/** How fast a worker finishes jobs, and so how many it does well to hold ahead. A moving average over samples of a few milliseconds. */
export class Pace {
  /** Jobs that ended since the last sample. */
  ended = 0;
  readonly #clock: Clock;
  readonly #sampleJobs: number;
  #perMs = 0;
  #sampledAtMs: number;

  constructor(clock: Clock, sampleJobs: number) {
    this.#clock = clock;
    this.#sampleJobs = sampleJobs;
    this.#sampledAtMs = clock.monotonic();
  }

  /** Jobs to hold ahead now, at most `limit`. */
  ahead(limit: number): number {
    const nowMs = this.#clock.monotonic();
    const elapsedMs = nowMs - this.#sampledAtMs;
    if (elapsedMs >= sampleMs || this.ended >= this.#sampleJobs) {
      this.#perMs = (this.#perMs + this.ended / Math.max(elapsedMs, 0.001)) / 2;
      this.#sampledAtMs = nowMs;
      this.ended = 0;
    }
    return Math.min(limit, Math.ceil(this.#perMs * horizonMs));
  }
}
