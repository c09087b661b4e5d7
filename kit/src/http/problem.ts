import { isCallError, type CallError, type AnyFailures, type Failure } from "../contract/mod.ts";
import { KitError } from "../errors/mod.ts";
import type { Issue } from "../schema/mod.ts";
import type { HttpReply } from "./exchange.ts";
import { type ProblemKind, problemKinds } from "./problem-kinds.ts";

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

  constructor(kind: ProblemKind, detail?: string, headers: Readonly<Record<string, string>> = {}) {
    const { title } = problemKinds[kind];
    super(detail === undefined ? title : `${title}: ${detail}`);
    this.problem = problemOfKind(kind, detail === undefined ? {} : { detail });
    this.headers = headers;
  }
}

/** A problem of a kind that every server has. */
export function problemOfKind(kind: ProblemKind, more: Readonly<Record<string, unknown>> = {}): Problem {
  const { title, status } = problemKinds[kind];
  return { type: `/problems/${kind}`, title, status, ...more };
}

/** The last part of the type of a declared refusal: `outOfStock` is `out-of-stock`. */
export function declaredKind(failure: string): string {
  return failure.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** Issues of an input that are told at most: the first ones say what to do. */
const issuesMax = 20;

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
  if (!isCallError(error)) return problemReply(problemOfKind("fault"));
  const { status, headers, ...problem } = problemOf(error, facts);
  return problemReply({ status, ...problem }, headers);
}

type Told = Problem & { readonly headers?: Readonly<Record<string, string>> };

function problemOf(error: CallError, facts: Parameters<typeof errorReplyOf>[1]): Told {
  switch (error.code) {
    case "DECLARED": {
      const declared = (facts.errors as Readonly<Record<string, Failure>>)[error.failure];
      const { status = 409, title = error.failure } = declared ?? {};
      const kind = declaredKind(error.failure);
      const refused = { type: `/problems/${kind}`, title, status, failure: error.failure, data: error.data };
      // The only declared status that says "not now".
      return status === 503 ? { ...refused, headers: { "retry-after": "1" } } : refused;
    }
    case "VALIDATION":
      return problemOfKind("invalid-input", {
        errors: error.issues
          .slice(0, issuesMax)
          .map(({ path, message }: Issue) => ({ pointer: facts.place(path), detail: message })),
      });
    case "ACCESS": {
      const isUnknown = error.reason === "unknown caller";
      const headers = isUnknown ? { "www-authenticate": "Bearer" } : {};
      return { ...problemOfKind(isUnknown ? "unknown-caller" : "forbidden"), headers };
    }
    case "KEY_REUSED":
      return problemOfKind("key-reused");
    case "RATE_LIMIT":
      return later("too-often", error.retryAfterMs);
    case "UNAVAILABLE":
      return later("unavailable", error.retryAfterMs ?? 1_000);
    case "TIMEOUT":
      return problemOfKind("timeout");
    case "OUTCOME_UNKNOWN":
      return problemOfKind("outcome-unknown");
    case "FAULT":
      return problemOfKind("fault", { reference: error.reference });
    default:
      throw new TypeError(`unknown error ${error satisfies never}`);
  }
}

function later(kind: ProblemKind, afterMs: number): Told {
  const headers = { "retry-after": String(Math.max(1, Math.ceil(afterMs / 1_000))) };
  return { ...problemOfKind(kind), headers };
}
