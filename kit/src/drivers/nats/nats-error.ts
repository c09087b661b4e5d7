import { KitError } from "../../errors/mod.ts";

/** Why a request failed, as far as a caller can act on it.
 *  `connection`: not made, or lost with nothing done; `unavailable`: the server has no leader, or nobody answers for this stream now; `busy`: too many
 *  requests in hand; `full`: a stream, or the server's disk or memory, is at its limit; `denied`: user, password or rights; `missing`: no such stream,
 *  consumer or message; `conflict`: somebody else was first; `too-large`: above the server's largest message. */
export type NatsFault =
  | "connection"
  | "unavailable"
  | "busy"
  | "full"
  | "denied"
  | "missing"
  | "conflict"
  | "too-large"
  | "other";

const retryableFaults: ReadonlySet<NatsFault> = new Set(["connection", "unavailable", "busy", "full"]);

/** NATS refused a request or a connection, and did nothing. `number` is the server's own for an error of JetStream (10077), 0 without one. */
export class NatsError extends KitError {
  readonly code = "NATS";
  readonly retryable: boolean;
  readonly reason: NatsFault;
  readonly number: number;

  constructor(reason: NatsFault, message: string, options?: { readonly cause?: unknown; readonly number?: number }) {
    super(message, options);
    this.reason = reason;
    this.number = options?.number ?? 0;
    this.retryable = retryableFaults.has(reason);
  }
}

/** The connection was lost, or the time for an answer was over, after the request had been sent: it was done or not. Repeat it only when doing it
 *  twice is as good as once, as with a message that carries an id. */
export class OutcomeUnknownError extends KitError {
  readonly code = "OUTCOME_UNKNOWN";
  readonly retryable = false;

  constructor(doing: string, options?: { readonly cause?: unknown }) {
    super(`${doing} was sent to NATS, and no answer came: it was done or not`, options);
  }
}

/** Whether another attempt may have better luck, with nothing done. */
export function isLost(error: unknown): error is NatsError {
  return error instanceof NatsError && (error.reason === "connection" || error.reason === "unavailable");
}

/** What JetStream answered in place of a result. */
export interface ApiError {
  readonly code: number;
  readonly err_code: number;
  readonly description: string;
}

/** An answer of JetStream that says no. */
export function errorOfAnswer({ code, err_code, description }: ApiError, doing: string): NatsError {
  const { reason, advice } = byNumber.get(err_code) ?? { reason: reasonOf(code, description) };
  const text = advice === undefined ? "" : `; ${advice}`;
  return new NatsError(reason, `${doing}: ${description} (${err_code})${text}`, { number: err_code });
}

/** What the client library threw. Errors of ours pass unchanged. */
export function errorOfClient(thrown: unknown, doing: string): Error {
  if (thrown instanceof KitError) return thrown;
  const name = thrown instanceof Error ? thrown.constructor.name : "";
  const text = thrown instanceof Error && thrown.message !== "" ? thrown.message : String(thrown);
  const meaning = meaningOf(name, text);
  return new NatsError(
    meaning.reason,
    `${doing}: ${text}${meaning.advice === undefined ? "" : `; ${meaning.advice}`}`,
    {
      cause: thrown,
    },
  );
}

interface Meaning {
  readonly reason: NatsFault;
  readonly advice?: string;
}

function meaningOf(name: string, text: string): Meaning {
  if (
    name === "AuthorizationError" ||
    name === "UserAuthenticationExpiredError" ||
    /authorization|authentication/i.test(text)
  )
    return { reason: "denied", advice: "give the user, password, token or credentials that the server expects" };
  if (name === "PermissionViolationError" || /permissions violation/i.test(text))
    return { reason: "denied", advice: "grant the user this subject" };
  if (/max_payload|maximum payload/i.test(text))
    return { reason: "too-large", advice: "raise max_payload of the server" };
  if (name === "NoRespondersError" || /no responders/i.test(text)) return { reason: "unavailable" };
  return { reason: "connection" };
}

function reasonOf(code: number, description: string): NatsFault {
  if (/no space left|insufficient/i.test(description)) return "full";
  if (code === 404) return "missing";
  if (code === 503) return "unavailable";
  return "other";
}

const byNumber: ReadonlyMap<number, Meaning> = new Map([
  [10_008, { reason: "unavailable" }],
  [10_009, { reason: "unavailable", advice: "the cluster has no leader for it now" }],
  [10_014, { reason: "missing" }],
  [10_023, { reason: "full", advice: "the server's JetStream storage is at its limit" }],
  [10_037, { reason: "missing" }],
  [10_039, { reason: "other", advice: "enable JetStream for the account" }],
  [10_047, { reason: "full", advice: "the server's JetStream storage is at its limit" }],
  [10_028, { reason: "full", advice: "the server's JetStream memory is at its limit" }],
  [10_054, { reason: "too-large", advice: "raise max_msg_size of the stream" }],
  [10_059, { reason: "missing" }],
  [10_071, { reason: "conflict" }],
  [10_076, { reason: "unavailable", advice: "JetStream is not enabled, or still starts" }],
  [10_077, { reason: "full", advice: "raise max_bytes of the stream, or wait until it is shorter" }],
]);
