import { TimeoutError } from "../errors/mod.ts";
import { type Issue, ValidationError } from "../schema/mod.ts";
import {
  AccessError,
  DeclaredError,
  FaultError,
  KeyReusedError,
  OutcomeUnknownError,
  RateLimitError,
  UnavailableError,
} from "./call-errors.ts";

/** An error of a call as plain JSON, for any wire. Holds nothing of the service's inside. */
export type ErrorReply =
  | {
      readonly code: "DECLARED";
      readonly failure: string;
      readonly title: string;
      readonly data: unknown;
      readonly retryable: boolean;
    }
  | { readonly code: "VALIDATION"; readonly what: string; readonly issues: readonly Issue[] }
  | { readonly code: "UNAVAILABLE"; readonly reason: string; readonly retryAfterMs?: number | undefined }
  | { readonly code: "OUTCOME_UNKNOWN"; readonly retryable: boolean }
  | { readonly code: "ACCESS"; readonly reason: "unknown caller" | "missing role" }
  | { readonly code: "RATE_LIMIT"; readonly retryAfterMs: number }
  | { readonly code: "KEY_REUSED" }
  | { readonly code: "TIMEOUT"; readonly afterMs: number }
  | { readonly code: "FAULT"; readonly reference: string; readonly retryable: boolean };

/** Any error that a call may end with. */
export type CallError =
  | DeclaredError
  | ValidationError
  | UnavailableError
  | OutcomeUnknownError
  | AccessError
  | RateLimitError
  | KeyReusedError
  | TimeoutError
  | FaultError;

/** The error as plain JSON. */
export function errorReply(error: CallError): ErrorReply {
  switch (error.code) {
    case "DECLARED": {
      const title = error.message.slice(error.message.indexOf("refused: ") + "refused: ".length);
      return { code: error.code, failure: error.failure, title, data: error.data, retryable: error.retryable };
    }
    case "VALIDATION":
      return { code: error.code, what: error.what, issues: error.issues };
    case "UNAVAILABLE":
      return { code: error.code, reason: error.reason, retryAfterMs: error.retryAfterMs };
    case "OUTCOME_UNKNOWN":
      return { code: error.code, retryable: error.retryable };
    case "ACCESS":
      return { code: error.code, reason: error.reason };
    case "RATE_LIMIT":
      return { code: error.code, retryAfterMs: error.retryAfterMs };
    case "KEY_REUSED":
      return { code: error.code };
    case "TIMEOUT":
      return { code: error.code, afterMs: error.afterMs };
    case "FAULT":
      return { code: error.code, reference: error.reference, retryable: error.retryable };
    default:
      throw new TypeError(`unknown error ${error satisfies never}`);
  }
}

/** The error that a reply stands for, on the caller's side. `operation` is `orders@1.place`. */
export function replyError(operation: string, reply: ErrorReply): CallError {
  switch (reply.code) {
    case "DECLARED":
      return new DeclaredError(operation, reply);
    case "VALIDATION":
      return new ValidationError(reply.what, reply.issues);
    case "UNAVAILABLE":
      return new UnavailableError(operation, reply.reason, reply.retryAfterMs);
    case "OUTCOME_UNKNOWN":
      return new OutcomeUnknownError(operation, reply.retryable ? "allowed" : "not allowed");
    case "ACCESS":
      return new AccessError(operation, reply.reason);
    case "RATE_LIMIT":
      return new RateLimitError(operation, reply.retryAfterMs);
    case "KEY_REUSED":
      return new KeyReusedError(operation);
    case "TIMEOUT":
      return new TimeoutError(operation, reply.afterMs);
    case "FAULT":
      return new FaultError(operation, reply.reference, { retryable: reply.retryable });
    default:
      throw new TypeError(`unknown reply ${JSON.stringify(reply satisfies never)}`);
  }
}

/** Whether `error` is one that a call may end with; anything else is a fault that has not been named yet. */
export function isCallError(error: unknown): error is CallError {
  return classes.some((known) => error instanceof known);
}

const classes = [
  DeclaredError,
  ValidationError,
  UnavailableError,
  OutcomeUnknownError,
  AccessError,
  RateLimitError,
  KeyReusedError,
  TimeoutError,
  FaultError,
];
