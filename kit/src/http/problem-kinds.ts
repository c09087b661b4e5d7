/** One kind of refusal or failure: what a client may decide by. */
export interface ProblemKindFacts {
  readonly status: number;
  readonly title: string;
  /** What a client can do about it. */
  readonly advice: string;
}

/** Kinds of problems that every server has; the name is the last part of a problem's `type`. */
export type ProblemKind =
  | "bad-http"
  | "field-twice"
  | "invalid-deadline"
  | "invalid-json"
  | "invalid-key"
  | "unknown-caller"
  | "forbidden"
  | "not-found"
  | "method"
  | "not-acceptable"
  | "too-slow"
  | "too-large"
  | "media-type"
  | "invalid-input"
  | "key-reused"
  | "precondition-required"
  | "too-often"
  | "head-too-large"
  | "gone"
  | "fault"
  | "outcome-unknown"
  | "unavailable"
  | "timeout";

/** Everything that a server answers with besides the refusals that contracts declare. */
export const problemKinds: Readonly<Record<ProblemKind, ProblemKindFacts>> = {
  "bad-http": { status: 400, title: "This is not HTTP", advice: "Send a request as RFC 9112 has it." },
  "field-twice": { status: 400, title: "A field came twice", advice: "Send each field and parameter once." },
  "invalid-deadline": {
    status: 400,
    title: "Request-Timeout is not a number of seconds",
    advice: "Send a positive number of seconds, such as 2.5, or none.",
  },
  "invalid-json": { status: 400, title: "The body is not a JSON object", advice: "Send one JSON object in UTF-8." },
  "invalid-key": {
    status: 400,
    title: "The Idempotency-Key is not 1 to 255 visible ASCII characters",
    advice: "Send a random key, such as a UUID.",
  },
  "unknown-caller": { status: 401, title: "Who calls is not known", advice: "Sign in." },
  forbidden: { status: 403, title: "This caller may not do that", advice: "Ask for the role that it needs." },
  "not-found": { status: 404, title: "There is nothing at this path", advice: "See /openapi.json for all paths." },
  method: {
    status: 405,
    title: "Another method is answered here",
    advice: "Use a method that the Allow header lists.",
  },
  "not-acceptable": {
    status: 406,
    title: "Not in a form that was asked for",
    advice: "Accept application/json; for a stream text/event-stream, or upgrade to WebSocket.",
  },
  "too-slow": { status: 408, title: "The request took too long to arrive", advice: "Send it again, faster." },
  "too-large": { status: 413, title: "The body is too long", advice: "Send less at once." },
  "media-type": {
    status: 415,
    title: "Only JSON in UTF-8 is understood",
    advice: "Send Content-Type: application/json, in UTF-8, not compressed.",
  },
  "invalid-input": {
    status: 422,
    title: "The request does not fit",
    advice: "Correct what `errors` lists; unknown fields may be refused.",
  },
  "key-reused": {
    status: 422,
    title: "The idempotency key was used for another request",
    advice: "Use a new key for a new request; repeat a request without changing it.",
  },
  "precondition-required": {
    status: 428,
    title: "If-Match is missing",
    advice: "Read the resource, and send its ETag as If-Match.",
  },
  "too-often": { status: 429, title: "Called too often", advice: "Come back after the seconds in Retry-After." },
  "head-too-large": { status: 431, title: "The head of the request is too long", advice: "Send fewer headers." },
  gone: { status: 499, title: "The client has gone", advice: "Nobody is left to read this." },
  fault: { status: 500, title: "Something went wrong here", advice: "Report the reference." },
  "outcome-unknown": {
    status: 502,
    title: "No answer; it may have happened",
    advice: "Repeat it with the same Idempotency-Key, or look whether it did.",
  },
  unavailable: {
    status: 503,
    title: "Nothing was done; come back later",
    advice: "Repeat it after the seconds in Retry-After.",
  },
  timeout: {
    status: 504,
    title: "No answer in time; it may have happened",
    advice: "Repeat it with the same Idempotency-Key, or look whether it did.",
  },
};
