import type { InferInput, InferOutput, StandardSchema } from "../schema/mod.ts";
import { oneOf, textOf } from "../errors/mod.ts";
import { type Access, resolveAccess } from "./access.ts";
import { callTerms, type CallTerms, type RateLimit, type Targets } from "./call-terms.ts";
import type { AnyFailures, Failures } from "./failure.ts";
import type { Semantics } from "./semantics.ts";
import { httpRoute, type HttpOptions, type HttpRoute } from "./http-route.ts";

/** An operation that answers once: its schemas, its declared errors and its terms. Made by {@link call}. */
export interface Call<
  I extends StandardSchema = StandardSchema,
  O extends StandardSchema = StandardSchema,
  E extends AnyFailures = AnyFailures,
> extends CallTerms {
  readonly kind: "call";
  readonly input: I;
  readonly output: O;
  readonly errors: E;
  readonly semantics: Semantics;
  readonly http: HttpRoute | undefined;
}

/** A call whatever its schemas. */
export type AnyCall = Call;

/** Options of {@link call}. */
export interface CallOptions<I extends StandardSchema, O extends StandardSchema, E extends AnyFailures> {
  /** One sentence, for documents. */
  readonly summary?: string;
  readonly input: I;
  readonly output: O;
  /** What it may refuse with, by name. */
  readonly errors?: E;
  /** Default "unsafe". */
  readonly semantics?: Semantics;
  /** Longest time from call to answer, 1 ms to an hour; callers may only tighten it. Default 10 seconds. */
  readonly deadlineMs?: number;
  /** `"POST /orders/{id}/cancel"`, or the route with status and headers. Without it the call is not reachable over HTTP. */
  readonly http?: string | HttpOptions;
  /** Who may call. Default "public". */
  readonly access?: Access;
  readonly rateLimit?: RateLimit;
  readonly targets?: Targets;
}

/** Declares an operation. Throws {@link ConfigError} for terms that make no sense. Pure. */
export function call<I extends StandardSchema, O extends StandardSchema, const E extends Failures = {}>(
  options: CallOptions<I, O, E>,
): Call<I, O, NoInfer<E>> {
  const { input, output, errors, semantics = "unsafe", http, access } = options;
  const named = errors ?? ({} as E);
  for (const name of Object.keys(named)) textOf("name of an error", name);
  const checked = oneOf("semantics", semantics, ["safe", "idempotent", "keyed", "unsafe"]);
  return Object.freeze({
    kind: "call",
    input,
    output,
    errors: named,
    semantics: checked,
    http: http === undefined ? undefined : httpRoute(http, checked),
    ...callTerms(options, resolveAccess(access)),
  });
}

/** What a client gives to a call. */
export type CallInput<C extends { readonly input: StandardSchema }> = InferInput<C["input"]>;
/** What a handler receives: the input as its schema has made it. */
export type HandlerInput<C extends { readonly input: StandardSchema }> = InferOutput<C["input"]>;
/** What a handler gives back. */
export type HandlerOutput<C extends { readonly output: StandardSchema }> = InferInput<C["output"]>;
/** What a client gets. */
export type CallOutput<C extends { readonly output: StandardSchema }> = InferOutput<C["output"]>;
