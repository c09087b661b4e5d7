import { problemTypes, type ProblemName } from "./problem-types.ts";

/** One thing that is wrong, and where: a JSON pointer into the body (`#/items/0/quantity`), or a parameter or header by name. */
export type FieldError =
  | { readonly pointer: string; readonly detail: string }
  | { readonly parameter: string; readonly detail: string }
  | { readonly header: string; readonly detail: string };

/** A request that is refused, or failed: thrown by whoever finds out, answered and logged in one place. */
export class ProblemError extends Error {
  override readonly name = "ProblemError";
  readonly problem: ProblemName;
  readonly errors: readonly FieldError[];
  readonly headers: Readonly<Record<string, string>>;

  constructor(problem: ProblemName, detail: string, more: ProblemDetails = {}) {
    super(detail, { cause: more.cause });
    this.problem = problem;
    this.errors = more.errors ?? [];
    this.headers = more.headers ?? {};
  }
}

export interface ProblemDetails {
  readonly errors?: readonly FieldError[];
  readonly headers?: Readonly<Record<string, string>>;
  readonly cause?: unknown;
}

/** Where a problem happened. */
export interface Occurrence {
  /** Path of the request. */
  readonly path: string;
  readonly requestId: string;
}

/** The answer to a problem, as RFC 9457 wants it. Says nothing about the inside of the shop. */
export function problemResponse(error: ProblemError, at: Occurrence): Response {
  const { status, title } = problemTypes[error.problem];
  const body = {
    type: `/problems/${error.problem}`,
    title,
    status,
    detail: error.message,
    instance: at.path,
    requestId: at.requestId,
    ...(error.errors.length > 0 ? { errors: error.errors } : {}),
  };
  return new Response(JSON.stringify(body), {
    status,
    headers: { "content-type": "application/problem+json", ...error.headers },
  });
}
