import { KitError } from "../errors/mod.ts";

/** The connection could not carry a call. `not sent`: nothing was begun, a repeat is safe. `lost`: it may have happened. */
export class WireError extends KitError {
  readonly code = "WIRE";
  readonly retryable = true;
  readonly what: "not sent" | "lost";
  readonly reason: string;

  constructor(what: "not sent" | "lost", reason: string, cause?: unknown) {
    super(`${what}: ${reason}`, cause === undefined ? undefined : { cause });
    this.what = what;
    this.reason = reason;
  }
}

/** An address cannot be listened at; the message says which, and why. */
export class ListenError extends KitError {
  readonly code = "LISTEN";
  readonly retryable = false;
  readonly address: string;

  constructor(address: string, cause: unknown) {
    super(`${address} cannot be listened at: ${listenFault(cause)}`, { cause });
    this.address = address;
  }
}

function listenFault(cause: unknown): string {
  const code: unknown = cause instanceof Error && "code" in cause ? cause.code : undefined;
  if (code === "EADDRINUSE") return "it is in use by another process";
  if (code === "EADDRNOTAVAIL") return "it is no address of this machine";
  if (code === "EACCES") return "this user may not use it";
  return cause instanceof Error ? cause.message : String(cause);
}

/** The handler refused: `reply` is what it threw, as JSON. Throw one in a handler to choose the reply. */
export class WireReplyError extends KitError {
  readonly code = "WIRE_REPLY";
  readonly retryable = false;
  readonly reply: unknown;

  constructor(reply: unknown) {
    super("the other side refused");
    this.reply = reply;
  }
}

/** The peer does not speak the protocol. Ends its connection; never reaches a caller. */
export class WireProtocolError extends KitError {
  readonly code = "WIRE_PROTOCOL";
  readonly retryable = false;
}
