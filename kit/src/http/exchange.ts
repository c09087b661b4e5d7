/** A request, apart from any server. Header names are lower-case. */
export interface HttpRequest {
  readonly method: string;
  /** Path and query, as they came. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  /** The whole body as text; throws a {@link ProblemError} when it is too large, too slow or not UTF-8. */
  body(): Promise<string>;
  /** Aborted when the client goes away. Made when first read. */
  readonly signal: AbortSignal;
}

/** An answer. `body` is "" where there is none. */
export interface HttpReply {
  readonly status: number;
  readonly headers: Record<string, string>;
  readonly body: string;
}

/** A header with one value; the first where several came. */
export function headerOf({ headers }: Pick<HttpRequest, "headers">, name: string): string | undefined {
  const value = headers[name];
  return typeof value === "string" || value === undefined ? value : value[0];
}
