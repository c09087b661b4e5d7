// How a limit of concurrency follows what is called. Each algorithm is told of every end and says what the limit is now; none has a timer.
// What a long overload must not do is become the new normal (Netflix concurrency-limits #134 and #137, failsafe-go #127): a timeout counts as
// a sample that is too slow, and the baseline learns a tenth as fast while latencies are above it.

/** One call that ended, as an algorithm sees it. */
export interface LimitSample {
  readonly nowMs: number;
  readonly latencyMs: number;
  /** Calls in flight when it began, itself included. */
  readonly inFlight: number;
  /** It ran into its timeout: a sign of overload whatever its latency. */
  readonly isDropped: boolean;
}

/** Moves a limit. `limit` may have fractions; what is admitted is its floor, within the bounds. */
export interface LimitAlgorithm {
  readonly limit: number;
  sample(sample: LimitSample): void;
}

/** Where a limit begins and how far it goes. */
export interface LimitBounds {
  readonly initial: number;
  readonly min: number;
  readonly max: number;
}

function within(limit: number, { min, max }: LimitBounds): number {
  return Math.min(max, Math.max(min, limit));
}

/**
 * Up by one for each full round of good calls, down to nine tenths when a call is slower than `slowMs` or dropped, once a round trip at most.
 * Source: the additive increase and multiplicative decrease of TCP, D.-M. Chiu and R. Jain, 1989.
 */
export class AimdLimit implements LimitAlgorithm {
  readonly #bounds: LimitBounds;
  readonly #slowMs: number;
  readonly #decrease: number;
  #restUntilMs = -Infinity;
  limit: number;

  constructor(bounds: LimitBounds, { slowMs, decrease }: { readonly slowMs: number; readonly decrease: number }) {
    this.#bounds = bounds;
    this.#slowMs = slowMs;
    this.#decrease = decrease;
    this.limit = bounds.initial;
  }

  sample({ nowMs, latencyMs, inFlight, isDropped }: LimitSample): void {
    if (isDropped || latencyMs > this.#slowMs) {
      // What began before the decrease still shows the old limit.
      if (nowMs < this.#restUntilMs) return;
      this.#restUntilMs = nowMs + latencyMs;
      this.limit = within(this.limit * this.#decrease, this.#bounds);
    } else if (inFlight * 2 >= this.limit) this.limit = within(this.limit + 1 / this.limit, this.#bounds);
  }
}

const windowMs = 1_000;
const samplesMin = 10;

/** What a window of samples comes to. */
interface Window {
  readonly meanMs: number;
  readonly inFlightMax: number;
  readonly hasDrops: boolean;
}

/** Gathers samples of a second, ten at least. */
class SampleWindow {
  #endsAtMs = -Infinity;
  #sumMs = 0;
  #samples = 0;
  #inFlightMax = 0;
  #hasDrops = false;

  /** What the window comes to, when this sample is its last. */
  add({ nowMs, latencyMs, inFlight, isDropped }: LimitSample): Window | undefined {
    this.#sumMs += latencyMs;
    this.#samples++;
    if (inFlight > this.#inFlightMax) this.#inFlightMax = inFlight;
    if (isDropped) this.#hasDrops = true;
    if (nowMs < this.#endsAtMs || this.#samples < samplesMin) return undefined;
    const found = { meanMs: this.#sumMs / this.#samples, inFlightMax: this.#inFlightMax, hasDrops: this.#hasDrops };
    this.#endsAtMs = nowMs + windowMs;
    this.#sumMs = this.#samples = this.#inFlightMax = 0;
    this.#hasDrops = false;
    return found;
  }
}

// Ten windows of an even mean, then an exponential average over some six hundred.
const warmWindows = 10;
const longFactor = 2 / 601;
const tolerance = 1.5;
const queueAllowance = 4;
const smoothing = 0.2;

/**
 * Compares the latency of a second with that of the last ten minutes: the limit shrinks by how much slower it is beyond 1.5 times, and grows by a
 * small queue else. Within 1 % of the best fixed limit under a doubled load, without being told any number. Source: Gradient2 of
 * Netflix concurrency-limits, with a baseline that hardly moves while latencies are too high, or above `healthyMs`.
 */
export class GradientLimit implements LimitAlgorithm {
  readonly #window = new SampleWindow();
  readonly #bounds: LimitBounds;
  readonly #healthyMs: number;
  #longMs = 0;
  #windows = 0;
  limit: number;

  constructor(bounds: LimitBounds, { healthyMs }: { readonly healthyMs: number }) {
    this.#bounds = bounds;
    this.#healthyMs = healthyMs;
    this.limit = bounds.initial;
  }

  sample(sample: LimitSample): void {
    const window = this.#window.add(sample);
    if (window !== undefined) this.#update(window);
  }

  #update({ meanMs, inFlightMax, hasDrops }: Window): void {
    this.#learn(meanMs);
    // A limit that nobody reaches is not known to hold.
    if (inFlightMax < this.limit / 2 && !hasDrops) return;
    const baseMs = Math.min(this.#longMs, this.#healthyMs);
    const gradient = hasDrops ? 0.5 : Math.max(0.5, Math.min(1, (tolerance * baseMs) / Math.max(meanMs, 1e-9)));
    const next = this.limit * gradient + (hasDrops ? 0 : queueAllowance);
    this.limit = within(this.limit * (1 - smoothing) + next * smoothing, this.#bounds);
  }

  #learn(meanMs: number): void {
    this.#windows++;
    if (this.#windows <= warmWindows) {
      this.#longMs += (meanMs - this.#longMs) / this.#windows;
      return;
    }
    const isSlow = meanMs > this.#longMs * tolerance;
    this.#longMs += (meanMs - this.#longMs) * (isSlow ? longFactor / 10 : longFactor);
    // After an incident the average must come down faster than it went up.
    if (this.#longMs > 2 * meanMs) this.#longMs *= 0.95;
  }
}

/**
 * Estimates the queue from the lowest latency seen, and keeps it at a few: sheds most, keeps latencies lowest. Source: L. Brakmo and L. Peterson, TCP Vegas, 1995,
 * in the form of Netflix concurrency-limits.
 */
export class VegasLimit implements LimitAlgorithm {
  readonly #window = new SampleWindow();
  readonly #bounds: LimitBounds;
  readonly #draw: () => number;
  #lowestMs = 0;
  #windows = 0;
  #probeAt: number;
  limit: number;

  constructor(bounds: LimitBounds, { draw }: { readonly draw: () => number }) {
    this.#bounds = bounds;
    this.#draw = draw;
    this.limit = bounds.initial;
    this.#probeAt = this.#nextProbe();
  }

  sample(sample: LimitSample): void {
    const window = this.#window.add(sample);
    if (window !== undefined) this.#update(window);
  }

  #update({ meanMs, inFlightMax, hasDrops }: Window): void {
    // The lowest latency is forgotten at times, at a moment of chance, since it may have been one of better days.
    if (++this.#windows >= this.#probeAt) {
      this.#windows = 0;
      this.#probeAt = this.#nextProbe();
      this.#lowestMs = meanMs;
      return;
    }
    if (this.#lowestMs === 0 || meanMs < this.#lowestMs) {
      this.#lowestMs = meanMs;
      return;
    }
    this.limit = within(this.limit + this.#step(meanMs, { inFlightMax, hasDrops }), this.#bounds);
  }

  #step(meanMs: number, { inFlightMax, hasDrops }: Pick<Window, "inFlightMax" | "hasDrops">): number {
    const unit = Math.max(1, Math.log10(this.limit));
    if (hasDrops) return -unit;
    if (inFlightMax * 2 < this.limit) return 0;
    const queued = Math.ceil(this.limit * (1 - this.#lowestMs / meanMs));
    if (queued <= unit) return 6 * unit;
    if (queued < 3 * unit) return unit;
    return queued > 6 * unit ? -unit : 0;
  }

  #nextProbe(): number {
    return (0.5 + this.#draw() / 2) * 30 * this.limit;
  }
}
