import type { z } from "zod";
import type { ProblemName } from "./problem-types.ts";

/** One answer of a route that is not a problem. */
export interface Answer {
  readonly description: string;
  readonly schema: z.ZodType;
  readonly headers?: Readonly<Record<string, string>>;
}

/** What a handler gives back; `body` becomes JSON. */
export interface Reply {
  readonly status: number;
  readonly body: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A request whose parts have passed their schemas. */
export interface Valid<Path, Query, Body> {
  readonly path: Path;
  readonly query: Query;
  readonly body: Body;
  /** The `Idempotency-Key`, on routes that take one. */
  readonly key: string | undefined;
  readonly requestId: string;
  /** Aborted when the client goes away. */
  readonly signal: AbortSignal;
}

/** One operation: what it takes, what it answers, and how. The same value validates requests and documents the operation. */
export interface RouteDefinition<Path, Query, Body> {
  readonly method: "GET" | "POST";
  /** Path of OpenAPI: `/orders/{id}`. */
  readonly template: string;
  readonly operation: string;
  readonly tag: string;
  readonly summary: string;
  readonly description?: string;
  /** Strict objects; what they do not name is refused. */
  readonly path?: z.ZodType<Path>;
  readonly query?: z.ZodType<Query>;
  readonly body?: z.ZodType<Body>;
  readonly idempotencyKey?: "taken";
  readonly answers: Readonly<Record<number, Answer>>;
  /** Problems besides those that follow from the parts above. */
  readonly problems?: readonly ProblemName[];
  /** Answered also while the shop starts or stops. */
  readonly whenNotReady?: "answered";
  handle(request: Valid<Path, Query, Body>): Reply | Promise<Reply>;
}

/** A route whatever its types. Only `route` makes one, so that schemas and handler agree. */
export type Route = Omit<RouteDefinition<unknown, unknown, unknown>, "handle"> & {
  handle(request: Valid<never, never, never>): Reply | Promise<Reply>;
};

/** Checks that the handler takes what the schemas give. */
export function route<Path, Query, Body>(definition: RouteDefinition<Path, Query, Body>): Route {
  return definition;
}

/** Every problem that a route can answer with. */
export function problemsOf(route: Route): readonly ProblemName[] {
  const problems: (ProblemName | undefined)[] = [
    "invalid-parameters",
    route.path === undefined ? undefined : "no-such-resource",
    ...(route.method === "POST" && route.body === undefined ? (["unexpected-body", "body-too-large"] as const) : []),
    ...(route.body === undefined
      ? []
      : (["invalid-json", "body-too-large", "unsupported-media-type", "invalid-body"] as const)),
    route.idempotencyKey === undefined ? undefined : "idempotency-key-reused",
    ...(route.problems ?? []),
    "internal-error",
    route.whenNotReady === undefined ? "not-ready" : undefined,
    "overloaded",
  ];
  return [...new Set(problems.filter((problem) => problem !== undefined))];
}
