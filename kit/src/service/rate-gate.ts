import type { Clock } from "../clock/mod.ts";
import type { RateLimit } from "../contract/mod.ts";

const keysMax = 10_000;

/**
 * Holds callers to the rate of a contract. Bounded to 10,000 keys, of which the least recently seen is forgotten (it starts with a full
 * burst again). O(1). Source: generic cell rate algorithm in its virtual scheduling form, ITU-T I.371.
 */
export class RateGate {
  readonly #clock: Clock;
  readonly #intervalMs: number;
  readonly #toleranceMs: number;
  readonly #per: "caller" | "everyone";
  /** When the next call of a key would be on time, were the key to use its rate evenly. */
  readonly #dueAtMs = new Map<string, number>();

  constructor(clock: Clock, { perSecond, burst, per }: Required<RateLimit>) {
    this.#clock = clock;
    this.#intervalMs = 1_000 / perSecond;
    this.#toleranceMs = (burst - 1) * this.#intervalMs;
    this.#per = per;
  }

  /** 0 lets the call pass and counts it; else when to come back, in milliseconds, and nothing is counted. */
  retryAfterMs(caller: string | undefined): number {
    const key = this.#per === "everyone" ? "" : (caller ?? "");
    const nowMs = this.#clock.monotonic();
    const dueAtMs = Math.max(this.#dueAtMs.get(key) ?? nowMs, nowMs);
    const earlyMs = dueAtMs - nowMs - this.#toleranceMs;
    // Sums of fractions miss by a few units in the last place.
    if (earlyMs > 1e-6) return earlyMs;
    this.#dueAtMs.delete(key);
    this.#dueAtMs.set(key, dueAtMs + this.#intervalMs);
    if (this.#dueAtMs.size > keysMax) this.#forgetOldest();
    return 0;
  }

  #forgetOldest(): void {
    for (const key of this.#dueAtMs.keys()) {
      this.#dueAtMs.delete(key);
      return;
    }
  }
}
