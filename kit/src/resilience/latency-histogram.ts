/** Eight steps to a doubling: a reading is at most 9 % above the true one, 6 % on average. */
const stepsOfDoubling = 8;
/** From 2^-7 ms (8 µs) to 2^25 ms (9 hours); what is outside counts in the first or last step. */
const lowestExponent = -7;
const steps = (25 - lowestExponent) * stepsOfDoubling;
/** Then all counts are halved, so that it follows the present. */
const samplesMax = 4_096;

/** Latencies by size, in 2 kB whatever their number. O(1) to add; a quantile is a walk through 256 counts. */
export class LatencyHistogram {
  readonly #counts = new Float64Array(steps);
  #count = 0;

  get count(): number {
    return this.#count;
  }

  add(ms: number): void {
    const step = Math.floor((Math.log2(Math.max(ms, 1e-9)) - lowestExponent) * stepsOfDoubling);
    const place = Math.min(steps - 1, Math.max(0, step));
    this.#counts[place] = (this.#counts[place] ?? 0) + 1;
    if (++this.#count >= samplesMax) this.#halve();
  }

  /** The upper end of the step in which the quantile lies; 0 when empty. */
  quantile(part: number): number {
    let left = part * this.#count;
    for (let place = 0; place < steps; place++) {
      left -= this.#counts[place] ?? 0;
      if (left <= 0 && this.#count > 0) return 2 ** ((place + 1) / stepsOfDoubling + lowestExponent);
    }
    return 0;
  }

  #halve(): void {
    this.#count = 0;
    for (let place = 0; place < steps; place++) this.#count += this.#counts[place] = (this.#counts[place] ?? 0) / 2;
  }
}
