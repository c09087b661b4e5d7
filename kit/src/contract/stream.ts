import type { StandardSchema } from "../schema/mod.ts";
import { type Access, resolveAccess } from "./access.ts";
import { callTerms, type CallTerms, type RateLimit, type Targets } from "./call-terms.ts";
import type { AnyFailures, Failures } from "./failure.ts";
import { httpRoute, type HttpOptions, type HttpRoute } from "./http-route.ts";

/** An operation that answers many times, until either side ends it. Always safe. Made by {@link stream}. */
export interface Stream<
  I extends StandardSchema = StandardSchema,
  O extends StandardSchema = StandardSchema,
  E extends AnyFailures = AnyFailures,
> extends CallTerms {
  readonly kind: "stream";
  readonly input: I;
  /** Schema of one item. */
  readonly output: O;
  readonly errors: E;
  /** GET; offered as server-sent events and, to who asks to upgrade, as WebSocket. */
  readonly http: HttpRoute | undefined;
}

/** Options of {@link stream}. */
export interface StreamOptions<I extends StandardSchema, O extends StandardSchema, E extends AnyFailures> {
  readonly summary?: string;
  readonly input: I;
  readonly output: O;
  readonly errors?: E;
  /** Longest time to the first item; the stream itself has no end by time. Default 10 seconds. */
  readonly deadlineMs?: number;
  /** `"GET /orders/{id}/track"`. */
  readonly http?: string | HttpOptions;
  readonly access?: Access;
  readonly rateLimit?: RateLimit;
  readonly targets?: Targets;
}

/** Declares a stream of items from the service to its caller. Throws {@link ConfigError}. Pure. */
export function stream<I extends StandardSchema, O extends StandardSchema, const E extends Failures = {}>(
  options: StreamOptions<I, O, E>,
): Stream<I, O, E> {
  const { input, output, errors, http, access } = options;
  return Object.freeze({
    kind: "stream",
    input,
    output,
    errors: errors ?? ({} as E),
    http: http === undefined ? undefined : httpRoute(http, "safe"),
    ...callTerms(options, resolveAccess(access)),
  });
}
