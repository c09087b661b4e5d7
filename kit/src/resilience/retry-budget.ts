import { type Clock, systemClock } from "../clock/mod.ts";
import { numberIn } from "../errors/mod.ts";

/** What a retry budget goes by. */
export interface RetryBudgetOptions {
  /** So much of a retry each call brings, 0 to 10. Default 0.2: at most a fifth more load in the long run. */
  readonly ratio?: number | undefined;
  /** Retries that quiet times save up, 1 to 1e6. Default 10, which is also the start. */
  readonly reserve?: number | undefined;
  /** Retries that time brings, whatever the calls, 0 to 1e6 a second. Default 0. */
  readonly perSecond?: number | undefined;
  readonly clock?: Pick<Clock, "monotonic"> | undefined;
}

/** What of a budget is left, and what was asked of it. */
export interface RetryBudgetReport {
  readonly left: number;
  readonly calls: number;
  readonly granted: number;
  readonly spent: number;
}

export type { RetryBudget };

/**
 * Lets extra attempts (retries and hedges, of all who share it) be at most `reserve + ratio × calls + perSecond × time` in any stretch, so
 * that they never multiply the load of what is failing. An extra attempt is paid when it is planned, before its back-off, so that
 * attempts in back-off are counted, and nothing has to be counted back when they end. O(1). Throws ConfigError.
 * Source: the budgets of Finagle, and of gRPC's retry throttling.
 */
export function retryBudget(options: RetryBudgetOptions = {}): RetryBudget {
  return new RetryBudget(options);
}

/** See {@link retryBudget}. */
class RetryBudget {
  readonly #ratio: number;
  readonly #reserve: number;
  readonly #perMs: number;
  readonly #clock: Pick<Clock, "monotonic">;
  #left: number;
  #filledAtMs: number;
  #calls = 0;
  #granted = 0;
  #spent = 0;

  constructor({ ratio, reserve, perSecond, clock = systemClock }: RetryBudgetOptions) {
    this.#ratio = numberIn("ratio", ratio ?? 0.2, { min: 0, max: 10 });
    this.#reserve = numberIn("reserve", reserve ?? 10, { min: 1, max: 1e6 });
    this.#perMs = numberIn("perSecond", perSecond ?? 0, { min: 0, max: 1e6 }) / 1_000;
    this.#clock = clock;
    this.#left = this.#reserve;
    this.#filledAtMs = this.#perMs === 0 ? 0 : clock.monotonic();
  }

  /** A call is made. */
  called(): void {
    this.#calls++;
    const left = this.#left + this.#ratio;
    this.#left = left < this.#reserve ? left : this.#reserve;
  }

  /** Whether one more attempt may be made; then it is paid. */
  take(): "granted" | "spent" {
    if (this.#perMs > 0) this.#fill();
    // Sums of tenths miss whole numbers by a few units in the last place.
    if (this.#left < 1 - 1e-9) {
      this.#spent++;
      return "spent";
    }
    this.#left = Math.max(0, this.#left - 1);
    this.#granted++;
    return "granted";
  }

  describe(): RetryBudgetReport {
    return { left: this.#left, calls: this.#calls, granted: this.#granted, spent: this.#spent };
  }

  #fill(): void {
    const nowMs = this.#clock.monotonic();
    this.#left = Math.min(this.#reserve, this.#left + (nowMs - this.#filledAtMs) * this.#perMs);
    this.#filledAtMs = nowMs;
  }
}
