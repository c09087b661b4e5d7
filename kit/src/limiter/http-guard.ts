import { type Clock, systemClock } from "../clock/mod.ts";
import { oneOf } from "../errors/mod.ts";
import type { Granted, Refused } from "./decision.ts";
import type { Limiter } from "./limiter-calls.ts";
import { type LegacyFields, legacyRateLimitFields, rateLimitFields } from "./rate-limit-fields.ts";

/** Options of {@link httpGuard}. */
export interface HttpGuardOptions<Request, Tier extends string = never> {
  readonly limiter: Limiter<Tier>;
  /** Who is limited: an account, an address. undefined: this request is not limited. */
  readonly keyOf: (request: Request) => string | undefined;
  readonly tierOf?: (request: Request) => Tier | undefined;
  /** Permits, an integer of 1 or more. Default 1. */
  readonly costOf?: (request: Request) => number;
  /** Default "none". */
  readonly legacyFields?: LegacyFields;
  readonly clock?: Clock;
}

/** An answer over HTTP. Header names are lower-case. */
export interface GuardReply {
  readonly status: number;
  readonly headers: Record<string, string>;
  readonly body: string;
}

/** Whether a request is to be answered. */
export type Admission =
  /** `headers` go into the answer; `decision` is disposed with it, and is undefined when the request is not limited. */
  | { readonly kind: "admitted"; readonly headers: Record<string, string>; readonly decision: Granted | undefined }
  | { readonly kind: "refused"; readonly reply: GuardReply };

/** A limiter at the door of an HTTP server. */
export interface HttpGuard<Request> {
  /** Of a leaky bucket's calls it resolves when they may start; rejects with `signal.reason` when aborted before, and gives the permits back. */
  admit(request: Request, options?: { readonly signal?: AbortSignal }): Promise<Admission>;
}

/**
 * Limits requests. A refusal is 429 with `Retry-After` and problem details of type quota-exceeded that name the violated policy; when the store
 * is down and the limiter is closed then, it is 503 of type temporary-reduced-capacity: the client has done nothing wrong. Every answer carries
 * `RateLimit` and `RateLimit-Policy`. Throws ConfigError.
 */
export function httpGuard<Request, Tier extends string = never>(
  options: HttpGuardOptions<Request, Tier>,
): HttpGuard<Request> {
  const { limiter, keyOf, tierOf, costOf, clock = systemClock } = options;
  const legacy = oneOf("legacyFields", options.legacyFields ?? "none", ["none", "x-ratelimit"]);
  return {
    async admit(request, { signal } = {}) {
      const key = keyOf(request);
      if (key === undefined) return { kind: "admitted", headers: {}, decision: undefined };
      const tier = tierOf?.(request);
      const decision = await limiter.take(key, {
        cost: costOf?.(request) ?? 1,
        ...(tier === undefined ? {} : { tier }),
      });
      const old = legacy === "none" ? {} : legacyRateLimitFields(decision, clock.now());
      const headers = { ...rateLimitFields(decision), ...old };
      if (!decision.allowed) return { kind: "refused", reply: refusal(decision, headers) };
      if (decision.delayMs > 0) await started(decision, clock, signal);
      return { kind: "admitted", headers, decision };
    },
  };
}

async function started(decision: Granted, clock: Clock, signal: AbortSignal | undefined): Promise<void> {
  try {
    await clock.sleep(decision.delayMs, { signal });
  } catch (error) {
    await decision.giveBack();
    throw error;
  }
}

const problemTypes = "https://iana.org/assignments/http-problem-types#";

function refusal({ reason, limitedBy }: Refused, headers: Record<string, string>): GuardReply {
  const problem =
    reason === "limit"
      ? {
          type: `${problemTypes}quota-exceeded`,
          title: "Called too often",
          status: 429,
          "violated-policies": [limitedBy],
        }
      : { type: `${problemTypes}temporary-reduced-capacity`, title: "Nothing was done; come back later", status: 503 };
  return {
    status: problem.status,
    headers: { "content-type": "application/problem+json; charset=utf-8", ...headers },
    body: JSON.stringify(problem),
  };
}
