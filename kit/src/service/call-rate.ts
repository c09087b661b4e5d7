import type { Clock } from "../clock/mod.ts";
import { type RateLimit, RateLimitError } from "../contract/mod.ts";
import { limiter, type NowLimiter, tokenBucket } from "../limiter/mod.ts";
import { memoryStore } from "../limiter/memory/mod.ts";

/** Callers known at once; of more, the one nearest to a full burst is forgotten. */
const callersMax = 10_000;
const keyLengthMax = 512;
/** Long enough for a thousandth of a call a second to be a whole number. */
const windowMs = 1_000_000;

/** Holds the callers of one operation to the rate of its contract, in this process. O(1), about 0.1 us. */
export class CallRate {
  readonly #operation: string;
  readonly #limiter: NowLimiter;

  constructor(operation: string, { perSecond, burst, per }: Required<RateLimit>, clock: Clock) {
    const limit = Math.max(1, Math.round(perSecond * (windowMs / 1_000)));
    this.#operation = operation;
    this.#limiter = limiter({
      name: operation,
      rules: [tokenBucket({ limit, windowMs, burst, per: per === "caller" ? "key" : "everyone" })],
      store: memoryStore({ keysMax: callersMax, clock }),
    });
  }

  /** Counts a call that may pass; else says when to come back, and counts nothing. Callers without a name share one rate. */
  refusal(caller: string | undefined): RateLimitError | undefined {
    const decision = this.#limiter.takeNow(caller?.slice(0, keyLengthMax) ?? "");
    return decision.allowed ? undefined : new RateLimitError(this.#operation, decision.retryAfterMs);
  }
}
