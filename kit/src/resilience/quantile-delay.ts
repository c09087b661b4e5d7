import { numberIn } from "../errors/mod.ts";
import { durationMaxMs } from "./backoff.ts";
import { LatencyHistogram } from "./latency-histogram.ts";

/** What a quantile delay goes by. */
export interface QuantileDelayOptions {
  /** Attempts slower than this part of all are hedged, 0.5 to 0.999. Default 0.95. */
  readonly quantile?: number | undefined;
  /** The delay until there are 100 latencies to go by. Default 100 ms, or the nearest that `minMs` and `maxMs` allow. */
  readonly startMs?: number | undefined;
  /** Never sooner. Default 1 ms. */
  readonly minMs?: number | undefined;
  /** Never later. Default 10 s, or `minMs` where that is more. */
  readonly maxMs?: number | undefined;
}

export type { QuantileDelay };

/** A delay that follows the latencies of successful attempts, within about 6 %. One for each thing that is called. Throws ConfigError. */
export function quantileDelay(options: QuantileDelayOptions = {}): QuantileDelay {
  return new QuantileDelay(options);
}

const samplesMin = 100;
/** Asking a histogram costs a walk through it: once in so many samples is enough. */
const refreshSamples = 32;

/** See {@link quantileDelay}. */
class QuantileDelay {
  readonly #histogram = new LatencyHistogram();
  readonly #quantile: number;
  readonly #minMs: number;
  readonly #maxMs: number;
  #ms: number;
  #fresh = 0;

  constructor(options: QuantileDelayOptions) {
    this.#quantile = numberIn("quantile", options.quantile ?? 0.95, { min: 0.5, max: 0.999 });
    this.#minMs = numberIn("minMs", options.minMs ?? 1, { min: 0, max: durationMaxMs });
    this.#maxMs = numberIn("maxMs", options.maxMs ?? Math.max(10_000, this.#minMs), {
      min: this.#minMs,
      max: durationMaxMs,
    });
    const startMs = options.startMs ?? Math.min(this.#maxMs, Math.max(this.#minMs, 100));
    this.#ms = numberIn("startMs", startMs, { min: this.#minMs, max: this.#maxMs });
  }

  /** The delay now. */
  get ms(): number {
    return this.#ms;
  }

  /** An attempt succeeded after that time. */
  add(latencyMs: number): void {
    this.#histogram.add(latencyMs);
    if (++this.#fresh < refreshSamples || this.#histogram.count < samplesMin) return;
    this.#fresh = 0;
    this.#ms = Math.min(this.#maxMs, Math.max(this.#minMs, this.#histogram.quantile(this.#quantile)));
  }
}
