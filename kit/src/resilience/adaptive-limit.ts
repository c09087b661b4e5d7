import { type Clock, systemClock } from "../clock/mod.ts";
import { integerIn, numberIn, oneOf, textOf } from "../errors/mod.ts";
import { type Random, systemRandom } from "../random/mod.ts";
import { telemetryChannel } from "../telemetry/mod.ts";
import { durationMaxMs } from "./backoff.ts";
import { queuesOf } from "./bulkhead.ts";
import type { Guard, Passage } from "./guard.ts";
import { AimdLimit, GradientLimit, type LimitAlgorithm, VegasLimit } from "./limit-algorithm.ts";
import { refusal, type Refusal } from "./refusal.ts";
import { Slots } from "./slots.ts";
import { priorities, type Priority, rankOf } from "./verdict.ts";

const moved = telemetryChannel("ashlar.resilience.limit");

/** What an adaptive limit goes by. Everything has a default. */
export interface AdaptiveLimitOptions {
  /** Default "limit". */
  readonly name?: string | undefined;
  /**
   * `gradient` (default) needs no number; `aimd` keeps calls below `slowMs` and needs that one; `vegas` keeps latencies lowest and sheds
   * more; or one of your own.
   */
  readonly algorithm?: "gradient" | "aimd" | "vegas" | LimitAlgorithm | undefined;
  /** Default 20. */
  readonly initial?: number | undefined;
  /** Default 1. */
  readonly min?: number | undefined;
  /** Default 200. */
  readonly max?: number | undefined;
  /** For `aimd`: what is slower is overload. Default 100 ms. */
  readonly slowMs?: number | undefined;
  /** For `gradient`: a mean latency above it is overload, whatever was normal lately. Default none. */
  readonly healthyMs?: number | undefined;
  /** The part of the limit that each priority may fill, above 0 to 1, falling. Default 1, 0.9 and 0.6: under overload background work is shed first. */
  readonly shares?: Readonly<Record<Priority, number>> | undefined;
  /** Calls that wait at most, as for a bulkhead. Default 0: what does not fit is shed at once. */
  readonly queueMax?: number | Readonly<Record<Priority, number>> | undefined;
  /** Default 100 ms. */
  readonly waitMaxMs?: number | undefined;
  readonly clock?: Clock | undefined;
  readonly random?: Random | undefined;
}

/** An adaptive limit at a glance. */
export interface AdaptiveLimitReport {
  readonly name: string;
  readonly limit: number;
  readonly inFlight: number;
  readonly waiting: number;
  /** Refused because room is kept for more important work. */
  readonly shed: number;
  /** Refused because there was no room. */
  readonly full: number;
}

export type { AdaptiveLimit };

/**
 * A limit of concurrency that finds itself, from latencies and timeouts; under overload it sheds by priority before work begins. Errors that come fast say nothing about
 * load and do not move it. O(1). Throws ConfigError.
 */
export function adaptiveLimit(options: AdaptiveLimitOptions = {}): AdaptiveLimit {
  return new AdaptiveLimit(options);
}

/** See {@link adaptiveLimit}. A layer of pipelines. */
class AdaptiveLimit implements Guard {
  readonly kind = "adaptive-limit";
  readonly name: string;
  readonly #slots: Slots;
  readonly #algorithm: LimitAlgorithm;
  readonly #clock: Clock;
  readonly #bounds: Bounds;
  readonly #waitMaxMs: number;
  #shed = 0;
  #full = 0;

  constructor(options: AdaptiveLimitOptions) {
    const { clock = systemClock, shares = { critical: 1, normal: 0.9, background: 0.6 }, queueMax = 0 } = options;
    this.name = textOf("name", options.name ?? "limit");
    this.#clock = clock;
    this.#bounds = boundsOf(options);
    this.#algorithm = algorithmOf(options, this.#bounds);
    this.#waitMaxMs = numberIn("waitMaxMs", options.waitMaxMs ?? 100, { min: 0, max: durationMaxMs });
    this.#slots = new Slots(this.#limit, { clock, shares: sharesOf(shares), queueMax: queuesOf(queueMax) });
  }

  enter(passage: Passage): number | Refusal | Promise<number | Refusal> {
    passage.startedAtMs(); // the latency is counted from here
    const rank = rankOf(passage.priority);
    const slots = this.#slots;
    const taken = slots.take(rank);
    if (taken === "taken") return slots.inUse;
    if (!slots.mayWait(rank)) return this.#refuse(taken);
    const untilMs = Math.min(passage.deadlineAtMs, this.#clock.monotonic() + this.#waitMaxMs);
    return this.#waited(slots.wait({ rank, weight: 1, signal: passage.cancelledBy, untilMs }));
  }

  leave(ticket: number, passage: Passage): void {
    const { verdict, work } = passage;
    const isDropped = verdict === "failure" && work === "running";
    if (verdict === "success" || isDropped) {
      const nowMs = passage.endedAtMs();
      this.#algorithm.sample({ nowMs, latencyMs: nowMs - passage.startedAtMs(), inFlight: ticket, isDropped });
      this.#move();
    }
    if (work === "settled") this.#slots.give();
  }

  release(): void {
    this.#slots.give();
  }

  describe(): AdaptiveLimitReport {
    const { limit, inUse, waiting } = this.#slots;
    return { name: this.name, limit, inFlight: inUse, waiting, shed: this.#shed, full: this.#full };
  }

  get #limit(): number {
    return Math.min(this.#bounds.max, Math.max(this.#bounds.min, Math.floor(this.#algorithm.limit)));
  }

  #move(): void {
    const to = this.#limit;
    const from = this.#slots.limit;
    if (to === from) return;
    this.#slots.limit = to;
    if (moved.active) moved.publish({ limit: this.name, from, to });
  }

  async #waited(waiting: Promise<"taken" | "late">): Promise<number | Refusal> {
    if ((await waiting) === "taken") return this.#slots.inUse;
    this.#full++;
    return refusal(this.name, "waited");
  }

  #refuse(why: "busy" | "reserved"): Refusal {
    if (why === "reserved") this.#shed++;
    else this.#full++;
    return refusal(this.name, why === "reserved" ? "shed" : "full");
  }
}

interface Bounds {
  readonly initial: number;
  readonly min: number;
  readonly max: number;
}

function boundsOf(options: AdaptiveLimitOptions): Bounds {
  const max = integerIn("max", options.max ?? 200, { min: 1, max: 1_000_000 });
  const min = integerIn("min", options.min ?? 1, { min: 1, max });
  return { min, max, initial: integerIn("initial", options.initial ?? Math.min(max, Math.max(min, 20)), { min, max }) };
}

function algorithmOf(options: AdaptiveLimitOptions, bounds: Bounds): LimitAlgorithm {
  const { algorithm = "gradient", random = systemRandom } = options;
  if (typeof algorithm === "object") return algorithm;
  switch (oneOf("algorithm", algorithm, ["gradient", "aimd", "vegas"])) {
    case "gradient": {
      const { healthyMs } = options;
      const ms =
        healthyMs === undefined ? Infinity : numberIn("healthyMs", healthyMs, { min: 0.001, max: durationMaxMs });
      return new GradientLimit(bounds, { healthyMs: ms });
    }
    case "aimd": {
      const slowMs = numberIn("slowMs", options.slowMs ?? 100, { min: 0.001, max: durationMaxMs });
      return new AimdLimit(bounds, { slowMs, decrease: 0.9 });
    }
    case "vegas":
      return new VegasLimit(bounds, { draw: () => random.next() });
  }
}

function sharesOf(shares: Readonly<Record<Priority, number>>): readonly number[] {
  let before = 1;
  return priorities.map((priority) => {
    before = numberIn(`shares.${priority}`, shares[priority], { min: 0.01, max: before });
    return before;
  });
}
