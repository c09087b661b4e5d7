import type { Clock } from "ashlar/clock";
import { isRetryable } from "ashlar/errors";
import type { Random } from "ashlar/random";
import {
  breaker,
  bulkhead,
  exponentialBackoff,
  pipeline,
  retry,
  retryBudget,
  timeout,
  type Pipeline,
} from "ashlar/resilience";
import type { OutsideReply, OutsideRequest } from "./request.ts";
import type { OutsideService } from "./service.ts";

// More attempts than any outage of the outside world lasts; short pauses, because its stalls are. Where there is another way, fewer.
const attemptsMax = { only: 12, first: 4 };
const delay = exponentialBackoff({ firstMs: 5, capMs: 500 });
/** Requests of ours that one company has in hand at once; the others wait here. */
const permits = 128;
const queueMax = 10_000;

/** The way to a company of the outside world: asked again while it is worth it, left alone while it does not answer at all, and never with more
 *  than it bears. Each request carries the key of what it is for, so that a repeat has no second effect. */
export interface WayOut {
  /** Rejects with the last error when all attempts fail, with CallRefusedError when the company is left alone, and with the signal's reason. */
  ask(request: OutsideRequest, signal: AbortSignal): Promise<OutsideReply>;
  /** What stands in the way, for who has to know how an end came about. */
  readonly policies: Pipeline;
  readonly service: OutsideService;
}

/** What a way goes by. */
export interface WayOutOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** `only`, the default: who is refused because the company is left alone waits for it. `first`: there is another one, so that nobody waits. */
  readonly rank?: "only" | "first";
}

/** Opens the way to one company. */
export function wayOut(name: string, service: OutsideService, options: WayOutOptions): WayOut {
  const { clock, random, rank = "only" } = options;
  const policies = pipeline({
    name,
    // By the key of each request.
    semantics: "idempotent",
    layers: [
      // A company that comes back from an outage finds its customers patient, not in a rush.
      retry({
        attemptsMax: attemptsMax[rank],
        delay,
        on: (ended) => !ended.ok && isRetryable(ended.error),
        // Of a breaker that is open: when it lets somebody try again.
        retryAfter: rank === "only" ? "honour" : "ignore",
        budget: retryBudget({ ratio: 0.5, reserve: 100 }),
      }),
      breaker({ name, clock, random, openMs: exponentialBackoff({ firstMs: 250, capMs: 5_000, jitter: 0.25 }) }),
      bulkhead({ name, permits, queueMax, clock }),
      timeout(service.replyWithinMs),
    ],
    clock,
    random,
  });
  return {
    policies,
    service,
    ask: (request, signal) =>
      policies.run((attempt) => service.request({ ...request, signal: attempt.signal }), { signal }),
  };
}
