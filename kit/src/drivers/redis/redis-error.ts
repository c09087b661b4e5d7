import { KitError } from "../../errors/mod.ts";

/** Why a command or a connection failed, as far as a caller can act on it.
 *  `connection`: not made, or lost with nothing done; `unavailable`: the server loads, fails over or cannot save; `busy`: too many commands in hand,
 *  or a script that runs long; `full`: no memory left; `denied`: rights or password; `readonly`: a replica; `wrong-type`: the key holds
 *  something else. */
export type RedisFault =
  | "connection"
  | "unavailable"
  | "busy"
  | "full"
  | "denied"
  | "readonly"
  | "wrong-type"
  | "other";

/** Redis refused a command or a connection, and did nothing. `reply` is the first word of the server's answer ("OOM"), empty without one. */
export class RedisError extends KitError {
  readonly code = "REDIS";
  readonly retryable: boolean;
  readonly reason: RedisFault;
  readonly reply: string;

  constructor(reason: RedisFault, message: string, options?: { readonly cause?: unknown; readonly reply?: string }) {
    super(message, options);
    this.reason = reason;
    this.reply = options?.reply ?? "";
    this.retryable = retryableFaults.has(reason);
  }
}

/** The connection was lost, or the time for an answer was over, after the command had been sent: it was done or not. Repeat it only when doing it
 *  twice is as good as once. */
export class OutcomeUnknownError extends KitError {
  readonly code = "OUTCOME_UNKNOWN";
  readonly retryable = false;

  constructor(doing: string, options?: { readonly cause?: unknown }) {
    super(`${doing} was sent to Redis, and the connection was lost before the answer: it was done or not`, options);
  }
}

const retryableFaults: ReadonlySet<RedisFault> = new Set(["connection", "unavailable", "busy", "full"]);

/** A reply of the server that says no. */
export function errorOfReply(thrown: unknown, doing: string): RedisError {
  const text = textOf(thrown);
  const reply = /^[A-Z]+/.exec(text)?.[0] ?? "";
  const { reason, advice } = byReply[reply] ?? { reason: "other", advice: undefined };
  return new RedisError(reason, `${doing}: ${text}${advice === undefined ? "" : `; ${advice}`}`, {
    cause: thrown,
    reply,
  });
}

/** What the client library threw while nothing had been sent. Errors of ours pass unchanged. */
export function connectionError(thrown: unknown, doing: string): Error {
  if (thrown instanceof KitError) return thrown;
  return new RedisError("connection", `${doing}: ${textOf(thrown)}`, { cause: thrown });
}

/** Whether another connection may have better luck, with nothing done. */
export function isLost(error: unknown): boolean {
  return error instanceof RedisError && (error.reason === "connection" || error.reason === "unavailable");
}

function textOf(thrown: unknown): string {
  if (!(thrown instanceof Error)) return String(thrown);
  // Several addresses of one name fail together, without a message of their own.
  if (thrown instanceof AggregateError && thrown.message === "") return thrown.errors.map(textOf).join(", ");
  return thrown.message;
}

interface ReplyMeaning {
  readonly reason: RedisFault;
  readonly advice?: string;
}

const byReply: Readonly<Record<string, ReplyMeaning>> = {
  BUSY: { reason: "busy", advice: "a script of somebody's runs long" },
  CLUSTERDOWN: { reason: "unavailable" },
  LOADING: { reason: "unavailable" },
  MASTERDOWN: { reason: "unavailable" },
  MISCONF: { reason: "unavailable", advice: "the server cannot save to its disk and takes no writes until it can" },
  NOREPLICAS: { reason: "unavailable" },
  TRYAGAIN: { reason: "unavailable" },
  // Of a server that was a primary when the connection was made: the next connection finds the new one.
  READONLY: { reason: "unavailable", advice: "the server has become a replica" },
  UNBLOCKED: { reason: "unavailable" },
  OOM: { reason: "full", advice: "raise maxmemory, or let go of keys" },
  NOAUTH: { reason: "denied", advice: "give a user and password" },
  NOPERM: { reason: "denied", advice: "grant the command, key or channel to the user" },
  WRONGPASS: { reason: "denied" },
  WRONGTYPE: { reason: "wrong-type", advice: "the key belongs to something else; choose another prefix" },
};
