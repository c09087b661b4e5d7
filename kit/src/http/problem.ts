import { isCallError, type CallError, type AnyFailures, type Failure } from "../contract/mod.ts";
import { KitError } from "../errors/mod.ts";
import type { Issue } from "../schema/mod.ts";
import type { HttpReply } from "./exchange.ts";

/** Problem details as they are sent; `type` is a path of the server that tells kinds apart for good. */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail?: string | undefined;
  readonly [extension: string]: unknown;
}

/** What is wrong with a request before any service has seen it. */
export class ProblemError extends KitError {
  readonly code = "PROBLEM";
  readonly retryable = false;
  readonly problem: Problem;
  readonly headers: Readonly<Record<string, string>>;

  constructor(facts: ProblemFacts, headers: Readonly<Record<string, string>> = {}) {
    const { kind, title, status, detail } = facts;
    super(detail === undefined ? title : `${title}: ${detail}`);
    this.problem = { type: `/problems/${kind}`, title, status, ...(detail === undefined ? {} : { detail }) };
    this.headers = headers;
  }
}

/** What a problem is made of; `kind` becomes the path of its type. */
export interface ProblemFacts {
  readonly kind: string;
  readonly title: string;
  readonly status: number;
  readonly detail?: string | undefined;
}

/** An answer that says what is wrong. */
export function problemReply(problem: Problem, headers: Readonly<Record<string, string>> = {}): HttpReply {
  return {
    status: problem.status,
    headers: { "content-type": "application/problem+json; charset=utf-8", ...headers },
    body: JSON.stringify(problem),
  };
}

/** The answer for whatever a call has ended with. `inPath` says which fields of the input are not in the body. */
export function errorReplyOf(
  error: unknown,
  facts: { readonly errors: AnyFailures; readonly place: (path: string) => string },
): HttpReply {
  if (error instanceof ProblemError) return problemReply(error.problem, error.headers);
  if (!isCallError(error))
    return problemReply({ type: "/problems/fault", title: "Something went wrong here", status: 500 });
  const { status, headers, ...problem } = problemOf(error, facts);
  return problemReply({ status, ...problem }, headers);
}

type Told = Problem & { readonly headers?: Readonly<Record<string, string>> };

function problemOf(error: CallError, facts: Parameters<typeof errorReplyOf>[1]): Told {
  switch (error.code) {
    case "DECLARED": {
      const declared = (facts.errors as Readonly<Record<string, Failure>>)[error.failure];
      const { status = 409, title = error.failure } = declared ?? {};
      const kind = error.failure.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
      return { type: `/problems/${kind}`, title, status, failure: error.failure, data: error.data };
    }
    case "VALIDATION":
      return {
        type: "/problems/invalid-input",
        title: "The request does not fit",
        status: 422,
        errors: error.issues.map(({ path, message }: Issue) => ({ pointer: facts.place(path), detail: message })),
      };
    case "ACCESS": {
      const isUnknown = error.reason === "unknown caller";
      const title = isUnknown ? "Who calls is not known" : "This caller may not do that";
      const headers = isUnknown ? { "www-authenticate": "Bearer" } : {};
      return {
        type: `/problems/${isUnknown ? "unknown-caller" : "forbidden"}`,
        title,
        status: isUnknown ? 401 : 403,
        headers,
      };
    }
    case "KEY_REUSED":
      return { type: "/problems/key-reused", title: "The idempotency key was used for another request", status: 422 };
    case "RATE_LIMIT":
      return later({ type: "/problems/too-often", title: "Called too often", status: 429 }, error.retryAfterMs);
    case "UNAVAILABLE":
      return later(
        { type: "/problems/unavailable", title: "Nothing was done; come back later", status: 503 },
        error.retryAfterMs ?? 1_000,
      );
    case "TIMEOUT":
      return { type: "/problems/timeout", title: "No answer in time; it may have happened", status: 504 };
    case "OUTCOME_UNKNOWN":
      return { type: "/problems/outcome-unknown", title: "No answer; it may have happened", status: 502 };
    case "FAULT":
      return { type: "/problems/fault", title: "Something went wrong here", status: 500, reference: error.reference };
    default:
      throw new TypeError(`unknown error ${error satisfies never}`);
  }
}

function later(problem: Problem, afterMs: number): Told {
  return { ...problem, headers: { "retry-after": String(Math.max(1, Math.ceil(afterMs / 1_000))) } };
}
