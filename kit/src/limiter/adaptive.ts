import { type Clock, systemClock } from "../clock/mod.ts";
import { integerIn, numberIn } from "../errors/mod.ts";

/** How hard this process works. */
export interface Pressure {
  /** Processor time per time: 1 is one core busy. */
  readonly cpuRatio: number;
  /** Of the memory that the process may use, 0 to 1. */
  readonly memoryRatio: number;
  /** How late the event loop came at the 99th percentile. */
  readonly loopDelayMs: number;
}

/** Bounds above which less is let in. */
export interface PressureTargets {
  /** Default 0.85. */
  readonly cpuRatio?: number;
  /** Default 0.85. */
  readonly memoryRatio?: number;
  /** Default 50. */
  readonly loopDelayMs?: number;
  /** Share of reported outcomes that are errors, at 20 outcomes or more. Default 0.1. */
  readonly errorRatio?: number;
}

/** Options of {@link adaptiveFactor}. */
export interface AdaptiveOptions {
  /** Usually that of `systemPressure()`. Called once an interval at most. */
  readonly read: () => Pressure;
  readonly targets?: PressureTargets;
  /** The factor never falls below, 0.001 to 1. Default 0.1. */
  readonly factorMin?: number;
  /** What the factor is multiplied with in an interval over a target, 0.1 to 0.99. Default 0.7. */
  readonly decrease?: number;
  /** What is added to it in one within all, 0.001 to 1. Default 0.05. */
  readonly increase?: number;
  /** 10 ms to 10 min. Default 1 s. */
  readonly intervalMs?: number;
  readonly clock?: Clock;
}

/** Says what is left of a limiter's limits while this process is under pressure. */
export interface AdaptiveFactor {
  /** For a limiter's option `factor`. About the cost of reading the clock. */
  readonly factor: () => number;
  /** How a call that was let in has ended. Refusals are no outcomes: reporting them would keep the limits down. */
  report(outcome: "ok" | "error"): void;
  /** Targets that were missed in the last interval; empty when all is well. */
  readonly missed: readonly (keyof PressureTargets)[];
}

/**
 * A factor that falls fast while processor, memory, event loop or errors are over their targets and rises slowly afterwards (additive
 * increase, multiplicative decrease; Chiu and Jain 1989). Has no timer: it is brought up to date by who asks for it. Throws ConfigError.
 */
export function adaptiveFactor(options: AdaptiveOptions): AdaptiveFactor {
  const { read, targets = {}, clock = systemClock } = options;
  return new Adaptive(read, clock, {
    targets: {
      cpuRatio: numberIn("targets.cpuRatio", targets.cpuRatio ?? 0.85, { min: 0.01 }),
      memoryRatio: numberIn("targets.memoryRatio", targets.memoryRatio ?? 0.85, { min: 0.01, max: 1 }),
      loopDelayMs: numberIn("targets.loopDelayMs", targets.loopDelayMs ?? 50, { min: 0.1 }),
      errorRatio: numberIn("targets.errorRatio", targets.errorRatio ?? 0.1, { min: 0, max: 1 }),
    },
    factorMin: numberIn("factorMin", options.factorMin ?? 0.1, { min: 0.001, max: 1 }),
    decrease: numberIn("decrease", options.decrease ?? 0.7, { min: 0.1, max: 0.99 }),
    increase: numberIn("increase", options.increase ?? 0.05, { min: 0.001, max: 1 }),
    intervalMs: integerIn("intervalMs", options.intervalMs ?? 1_000, { min: 10, max: 600_000 }),
  });
}

interface AdaptiveRules {
  readonly targets: Required<PressureTargets>;
  readonly factorMin: number;
  readonly decrease: number;
  readonly increase: number;
  readonly intervalMs: number;
}

// With fewer, one error in a quiet hour would count as an outage.
const outcomesMin = 20;

class Adaptive implements AdaptiveFactor {
  readonly #read: () => Pressure;
  readonly #clock: Clock;
  readonly #rules: AdaptiveRules;
  #factor = 1;
  #turnedAtMs: number;
  #outcomes = 0;
  #errors = 0;
  missed: readonly (keyof PressureTargets)[] = [];

  constructor(read: () => Pressure, clock: Clock, rules: AdaptiveRules) {
    this.#read = read;
    this.#clock = clock;
    this.#rules = rules;
    this.#turnedAtMs = clock.monotonic();
  }

  readonly factor = (): number => {
    const { intervalMs } = this.#rules;
    const passedMs = this.#clock.monotonic() - this.#turnedAtMs;
    if (passedMs >= intervalMs) this.#turn(Math.floor(passedMs / intervalMs));
    return this.#factor;
  };

  report(outcome: "ok" | "error"): void {
    this.factor();
    this.#outcomes++;
    if (outcome === "error") this.#errors++;
  }

  /** Intervals in which nobody asked were quiet: the factor rises for each. */
  #turn(intervals: number): void {
    const { targets, factorMin, decrease, increase, intervalMs } = this.#rules;
    this.#turnedAtMs += intervals * intervalMs;
    const errorRatio = this.#outcomes < outcomesMin ? 0 : this.#errors / this.#outcomes;
    this.#outcomes = 0;
    this.#errors = 0;
    this.missed = missedOf({ ...this.#read(), errorRatio }, targets);
    this.#factor =
      this.missed.length > 0
        ? Math.max(factorMin, this.#factor * decrease)
        : Math.min(1, this.#factor + intervals * increase);
  }
}

function missedOf(found: Required<PressureTargets>, targets: Required<PressureTargets>): (keyof PressureTargets)[] {
  const names = ["cpuRatio", "memoryRatio", "loopDelayMs", "errorRatio"] as const;
  return names.filter((name) => found[name] > targets[name]);
}
