import type { LimitStatus } from "./decision.ts";

/** Which fields are sent besides those of the draft. */
export type LegacyFields = "none" | "x-ratelimit";

/** What fields are made of; a decision of either kind fits. */
export interface FieldFacts {
  readonly limits: readonly LimitStatus[];
  /** Only of refusals. */
  readonly retryAfterMs?: number;
  readonly limitedBy?: string;
}

/**
 * The header fields that tell a client how it stands: `RateLimit-Policy` and `RateLimit` with one item a rule (draft-ietf-httpapi-ratelimit-headers-10),
 * `Retry-After` for a refusal. Names in lower case. Partition keys are not sent: they may say who somebody is.
 */
export function rateLimitFields(decision: FieldFacts): Record<string, string> {
  const { limits, retryAfterMs } = decision;
  const fields: Record<string, string> = {};
  if (limits.length > 0) {
    fields["ratelimit-policy"] = limits.map(policyItem).join(", ");
    fields["ratelimit"] = limits.map(stateItem).join(", ");
  }
  if (retryAfterMs !== undefined && retryAfterMs < Infinity) fields["retry-after"] = String(seconds(retryAfterMs));
  return fields;
}

/** `X-RateLimit-Limit`, `-Remaining` and `-Reset` (seconds since 1970, as most send it) of the rule that binds most. */
export function legacyRateLimitFields(decision: FieldFacts, nowMs: number): Record<string, string> {
  const tightest = decision.limits.toSorted(
    (left, right) => left.remaining / left.limit - right.remaining / right.limit,
  )[0];
  const told = decision.limits.find(({ name }) => name === decision.limitedBy) ?? tightest;
  if (told === undefined) return {};
  return {
    "x-ratelimit-limit": String(told.limit),
    "x-ratelimit-remaining": String(told.remaining),
    "x-ratelimit-reset": String(Math.ceil((nowMs + told.resetAfterMs) / 1_000)),
  };
}

/** Windows are told in whole seconds: of a shorter one the quota of a second, of a longer one rounded up. */
function policyItem({ name, kind, limit, windowMs }: LimitStatus): string {
  if (kind === "concurrency") return `"${name}";q=${limit};qu="concurrent-requests"`;
  const quota = windowMs < 1_000 ? Math.floor((limit * 1_000) / windowMs) : limit;
  return `"${name}";q=${quota};w=${seconds(windowMs)}`;
}

function stateItem({ name, kind, remaining, resetAfterMs }: LimitStatus): string {
  if (kind === "concurrency") return `"${name}";r=${remaining}`;
  return `"${name}";r=${remaining};t=${Math.ceil(resetAfterMs / 1_000)}`;
}

function seconds(ms: number): number {
  return Math.max(1, Math.ceil(ms / 1_000));
}
