import { ConfigError, integerIn, textOf } from "../errors/mod.ts";
import type { Semantics } from "./semantics.ts";

/** How a call or stream looks over HTTP. */
export interface HttpOptions {
  /** Method and path: `"POST /orders/{id}/cancel"`. What stands in braces is a field of the input. */
  readonly route: string;
  /** Status of a success, 200 to 299. Default 200. */
  readonly status?: number;
  /** Path of what was made, with fields of the output in braces: `"/orders/{id}"`. Becomes the `Location` header. */
  readonly location?: string;
  /** Field of the output that is the entity tag. Without it the tag of a safe call is a hash of the body. */
  readonly etag?: string;
  /** Field of the input that holds the tag from `If-Match`. */
  readonly ifMatch?: string;
}

/** A checked route. */
export interface HttpRoute {
  readonly method: HttpMethod;
  /** Path with fields in braces. */
  readonly path: string;
  /** The fields in the path, in order. */
  readonly fields: readonly string[];
  readonly status: number;
  readonly location: string | undefined;
  readonly etag: string | undefined;
  readonly ifMatch: string | undefined;
}

/** Methods that a call may have. */
export type HttpMethod = (typeof methods)[number];

const methods = ["GET", "POST", "PUT", "PATCH", "DELETE"] as const;
const pathPattern = /^(?:\/|(?:\/(?:[A-Za-z0-9._~-]+|\{[A-Za-z_][A-Za-z0-9_]*\}))+)$/;
const expectedRoute = 'a method and a path, such as "GET /orders/{id}"';

/** Reads and checks a route. Throws {@link ConfigError}. */
export function httpRoute(options: string | HttpOptions, semantics: Semantics): HttpRoute {
  const given: HttpOptions = typeof options === "string" ? { route: options } : options;
  const [name, path, ...rest] = textOf("http", given.route).split(" ");
  const method = methods.find((known) => known === name);
  if (method === undefined || path === undefined || rest.length > 0 || !pathPattern.test(path))
    throw new ConfigError("http", given.route, expectedRoute);
  const fields = fieldsOf(path);
  if (new Set(fields).size < fields.length) throw new ConfigError("http", given.route, "each field once in the path");
  checkMethod(method, semantics);
  const { status = 200, location, etag, ifMatch } = given;
  return Object.freeze({
    method,
    path,
    fields,
    status: integerIn("http.status", status, { min: 200, max: 299 }),
    location: location === undefined ? undefined : textOf("http.location", location),
    etag: etag === undefined ? undefined : textOf("http.etag", etag),
    ifMatch: ifMatch === undefined ? undefined : textOf("http.ifMatch", ifMatch),
  });
}

/** The names in braces. */
export function fieldsOf(template: string): readonly string[] {
  return [...template.matchAll(/\{([^}]*)\}/g)].map((match) => match[1] ?? "");
}

// Proxies, browsers and crawlers act on what a method promises, so that it must be true.
function checkMethod(method: HttpMethod, semantics: Semantics): void {
  if (method === "GET" && semantics !== "safe")
    throw new ConfigError("semantics", semantics, `"safe", because GET promises it`);
  const isIdempotent = semantics === "safe" || semantics === "idempotent";
  if ((method === "PUT" || method === "DELETE") && !isIdempotent)
    throw new ConfigError("semantics", semantics, `"idempotent", because ${method} promises it`);
}
