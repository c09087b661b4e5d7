import { type Clock, systemClock } from "../clock/mod.ts";
import { integerIn, numberIn, oneOf } from "../errors/mod.ts";
import { type Random, systemRandom } from "../random/mod.ts";
import { CheckGate } from "./check-gate.ts";
import { Checkup, type CheckRules } from "./checkup.ts";
import type { Endpoint } from "./endpoint.ts";
import type { Health } from "./slot.ts";

/** What is checked, and who is told: a balancer is one. */
export interface HealthTarget {
  endpoints(): readonly Endpoint[];
  watch(watcher: () => void): Disposable;
  mark(id: string, health: Health): void;
}

/** How endpoints are checked. */
export interface OpenHealthChecksOptions {
  readonly target: HealthTarget;
  /** Resolves when the endpoint is well, rejects when it is not. The signal aborts after `timeoutMs` and on disposal. */
  readonly check: (endpoint: Endpoint, context: { readonly signal: AbortSignal }) => Promise<unknown>;
  /** From the end of a check to the next, 10 ms to a day. Default 5 s. */
  readonly intervalMs?: number | undefined;
  /** Each interval is longer or shorter by up to this part, 0 to 1, so that checkers do not march in step. Default 0.2. */
  readonly jitterRatio?: number | undefined;
  /** A check that takes longer has failed. 1 ms to a day, default 2 s. */
  readonly timeoutMs?: number | undefined;
  /** Passed checks in a row that make an unhealthy endpoint healthy. Default 2. */
  readonly healthyAfter?: number | undefined;
  /** Failed checks in a row that make an endpoint unhealthy. Default 3. */
  readonly unhealthyAfter?: number | undefined;
  /** What an endpoint is before its first check has ended: `healthy` gets calls at once (default), `unhealthy` when the
   *  first one has passed, or `healthyAfter` later ones. */
  readonly start?: "healthy" | "unhealthy" | undefined;
  /** Checks that run at once over all endpoints; others wait their turn. 1 to 10,000, default 32. */
  readonly concurrency?: number | undefined;
  readonly clock?: Clock | undefined;
  readonly random?: Random | undefined;
}

/** Checks that run until disposed. Disposing aborts them, waits for them, and takes every verdict back. */
export type HealthChecks = AsyncDisposable;

/**
 * Checks every endpoint of the target, each on its own, the first time at once, and marks those whose verdict changes. Follows
 * each update of the target. At most one check of an endpoint runs at a time: one that does not heed its signal counts as failed
 * at each interval until it ends. Throws ConfigError.
 */
export async function openHealthChecks(options: OpenHealthChecksOptions): Promise<HealthChecks> {
  return new Checks(options);
}

class Checks implements AsyncDisposable {
  readonly #target: HealthTarget;
  readonly #rules: CheckRules;
  readonly #checkups = new Map<string, Checkup>();
  readonly #watch: Disposable;
  #closing: Promise<void> | undefined;

  constructor(options: OpenHealthChecksOptions) {
    this.#target = options.target;
    this.#rules = resolve(options);
    this.#follow();
    this.#watch = options.target.watch(() => this.#follow());
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  #follow(): void {
    const endpoints = new Map(this.#target.endpoints().map((endpoint) => [endpoint.id, endpoint]));
    for (const [id, checkup] of this.#checkups) {
      if (endpoints.get(id)?.address === checkup.endpoint.address) continue;
      this.#checkups.delete(id);
      void checkup.stop();
    }
    for (const endpoint of endpoints.values()) {
      const known = this.#checkups.get(endpoint.id);
      if (known === undefined) this.#checkups.set(endpoint.id, new Checkup(endpoint, this.#rules));
      else known.endpoint = endpoint;
    }
  }

  async #close(): Promise<void> {
    this.#watch[Symbol.dispose]();
    const checkups = [...this.#checkups.values()];
    this.#checkups.clear();
    await Promise.all(checkups.map((checkup) => checkup.stop()));
    for (const { endpoint } of checkups) this.#target.mark(endpoint.id, "unknown");
  }
}

function resolve(options: OpenHealthChecksOptions): CheckRules {
  const { target, check, clock = systemClock, random = systemRandom } = options;
  const times = { min: 1, max: 86_400_000 };
  const counts = { min: 1, max: 1_000 };
  const concurrency = integerIn("concurrency", options.concurrency ?? 32, { min: 1, max: 10_000 });
  return {
    check,
    mark: (id, health) => target.mark(id, health),
    intervalMs: numberIn("intervalMs", options.intervalMs ?? 5_000, { ...times, min: 10 }),
    jitterRatio: numberIn("jitterRatio", options.jitterRatio ?? 0.2, { min: 0, max: 1 }),
    timeoutMs: numberIn("timeoutMs", options.timeoutMs ?? 2_000, times),
    healthyAfter: integerIn("healthyAfter", options.healthyAfter ?? 2, counts),
    unhealthyAfter: integerIn("unhealthyAfter", options.unhealthyAfter ?? 3, counts),
    start: oneOf("start", options.start ?? "healthy", ["healthy", "unhealthy"]),
    gate: new CheckGate(concurrency),
    clock,
    random,
  };
}
