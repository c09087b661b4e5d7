import { KitError } from "../../errors/mod.ts";

/** Why a call failed, as far as a caller can act on it.
 *  `connection`: not made, or lost; `unavailable`: the broker stops or has no room for a connection; `full` and `blocked`: an alarm (disk, memory)
 *  keeps it from taking messages; `busy`: a bound of ours was reached; `denied`: user, password, virtual host or right; `tls`: no trust;
 *  `missing`: no such queue or exchange, or none that takes the message; `different`: declared before in another way; `locked`: another
 *  connection's own; `refused`: the broker did not take the message; `late`: a delivery was held longer than the broker allows. */
export type AmqpFault =
  | "connection"
  | "unavailable"
  | "full"
  | "blocked"
  | "busy"
  | "denied"
  | "tls"
  | "missing"
  | "different"
  | "locked"
  | "refused"
  | "late"
  | "other";

const retryableFaults: ReadonlySet<AmqpFault> = new Set([
  "connection",
  "unavailable",
  "full",
  "blocked",
  "busy",
  "refused",
  "late",
]);

/** The broker, or the way to it, failed. Nothing was taken by the broker. `replyCode` is its own number, 0 when it did not answer. */
export class AmqpError extends KitError {
  readonly code = "AMQP";
  readonly retryable: boolean;
  readonly reason: AmqpFault;
  readonly replyCode: number;

  constructor(reason: AmqpFault, message: string, options?: { readonly cause?: unknown }) {
    super(message, options);
    this.reason = reason;
    this.replyCode = replyCodeOf(options?.cause);
    this.retryable = retryableFaults.has(reason);
  }
}

/** The connection was lost after a message was sent and before the broker confirmed it: it was taken or not. Publish it again only under an id
 *  by which the receiver knows a repeat. */
export class PublishUnknownError extends KitError {
  readonly code = "OUTCOME_UNKNOWN";
  readonly retryable = false;

  constructor(
    options?: { readonly cause?: unknown },
    message: string = "the connection was lost after a message was sent and before the broker confirmed it",
  ) {
    super(message, options);
  }
}

/** What was thrown by the client library, as AmqpError. Errors of ours pass unchanged. */
export function amqpError(thrown: unknown, doing: string): Error {
  if (thrown instanceof KitError) return thrown;
  const reason = faultOf(thrown);
  return new AmqpError(reason, `${doing}: ${textOfError(thrown)}${advice[reason] ?? ""}`, { cause: thrown });
}

/** Whether another connection may do better. */
export function isLost(error: unknown): boolean {
  return error instanceof AmqpError && (error.reason === "connection" || error.reason === "unavailable");
}

const advice: Readonly<Partial<Record<AmqpFault, string>>> = {
  denied:
    "; check user, password and virtual host of the URL (the user guest may only come from the broker's own machine), and the user's rights there",
  tls: "; an amqps address needs the port for TLS (mostly 5671), a certificate for that name, and its authority in the option tls.ca",
  different: "; it was declared before with other properties: delete it, or use another prefix",
  late: "; settle within consumer_timeout (30 min by default), or raise it at the broker",
};

function textOfError(thrown: unknown): string {
  if (thrown instanceof AggregateError) return thrown.errors.map((error) => textOfError(error)).join("; ");
  return thrown instanceof Error ? thrown.message : String(thrown);
}

/** The broker's number: a property of errors of channels, part of the text in the handshake. */
function replyCodeOf(thrown: unknown): number {
  if (!(thrown instanceof Error)) return 0;
  const code: unknown = Reflect.get(thrown, "code");
  if (typeof code === "number") return code;
  return Number(/\b([3-5]\d\d) \([A-Z-]+\)/.exec(thrown.message)?.[1] ?? 0);
}

// https://www.rabbitmq.com/amqp-0-9-1-reference (constants)
const byReplyCode: Readonly<Record<number, AmqpFault>> = {
  311: "other", // content too large
  320: "unavailable", // connection forced: the broker stops
  403: "denied",
  404: "missing",
  405: "locked",
  406: "different",
  506: "unavailable",
  530: "denied", // not allowed: virtual host
  541: "unavailable",
};

function faultOf(thrown: unknown): AmqpFault {
  const text = textOfError(thrown);
  const replyCode = replyCodeOf(thrown);
  if (replyCode === 406 && text.includes("delivery acknowledgement")) return "late";
  // A limit of connections is told as a refusal.
  if (replyCode === 530 && text.includes("limit")) return "unavailable";
  if (replyCode !== 0) return byReplyCode[replyCode] ?? "other";
  // How the library tells that the virtual host does not exist or may not be entered: it keeps the reason to itself.
  if (text.includes("Expected ConnectionOpenOk; got <ConnectionClose")) return "denied";
  const code: unknown = thrown instanceof Error ? Reflect.get(thrown, "code") : undefined;
  const isTls = typeof code === "string" && /CERT|SSL|TLS|EPROTO|SELF_SIGNED|LEAF_SIGNATURE/.test(code);
  return isTls ? "tls" : "connection";
}
