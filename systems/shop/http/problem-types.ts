/** One kind of refusal or failure: what a client may decide by. */
export interface ProblemType {
  readonly status: number;
  readonly title: string;
  /** What the client can do about it. */
  readonly advice: string;
}

/** The last part of a problem's `type`, `/problems/<name>`. */
export type ProblemName =
  | "invalid-parameters"
  | "invalid-json"
  | "unexpected-body"
  | "no-such-route"
  | "no-such-resource"
  | "method-not-allowed"
  | "order-not-cancellable"
  | "order-not-returnable"
  | "body-too-large"
  | "unsupported-media-type"
  | "invalid-body"
  | "idempotency-key-reused"
  | "internal-error"
  | "overloaded"
  | "not-ready";

/** Every problem that the API answers with. */
export const problemTypes: Readonly<Record<ProblemName, ProblemType>> = {
  "invalid-parameters": {
    status: 400,
    title: "The query or a header is not valid",
    advice: "Correct what `errors` lists; unknown and repeated parameters are refused.",
  },
  "invalid-json": { status: 400, title: "The body is not JSON", advice: "Send one JSON value in UTF-8." },
  "unexpected-body": { status: 400, title: "This request has no body", advice: "Send it without one." },
  "no-such-route": { status: 404, title: "There is nothing at this path", advice: "See /openapi.json for all paths." },
  "no-such-resource": { status: 404, title: "Not found", advice: "Check the code or id." },
  "method-not-allowed": {
    status: 405,
    title: "This path has no such method",
    advice: "Use a method that the `Allow` header lists.",
  },
  "order-not-cancellable": {
    status: 409,
    title: "It is too late to cancel this order",
    advice: "Return its items instead, if it was confirmed.",
  },
  "order-not-returnable": {
    status: 409,
    title: "Nothing of this order can be returned so",
    advice: "Only confirmed orders take returns, and of each product at most what was bought and not returned yet.",
  },
  "body-too-large": { status: 413, title: "The body is too large", advice: "Send at most 64 KiB." },
  "unsupported-media-type": {
    status: 415,
    title: "The body has another media type",
    advice: "Send `Content-Type: application/json`, in UTF-8, not compressed.",
  },
  "invalid-body": {
    status: 422,
    title: "The body is JSON, but not what is expected here",
    advice: "Correct what `errors` lists; unknown fields are refused.",
  },
  "idempotency-key-reused": {
    status: 422,
    title: "The idempotency key belongs to another request",
    advice: "Use a new key for a new request; repeat a request without changing it.",
  },
  "internal-error": { status: 500, title: "Something went wrong here", advice: "Report the `requestId`." },
  overloaded: {
    status: 503,
    title: "Too much is in flight",
    advice: "Nothing was done. Repeat after the seconds in `Retry-After`.",
  },
  "not-ready": {
    status: 503,
    title: "The shop is starting or stopping",
    advice: "Nothing was done. Repeat after the seconds in `Retry-After`.",
  },
};

/** The names of all problems. */
export const problemNames: readonly ProblemName[] = Object.keys(problemTypes).filter(isProblemName);

/** Whether a text names a problem. */
export function isProblemName(text: string): text is ProblemName {
  return Object.hasOwn(problemTypes, text);
}
