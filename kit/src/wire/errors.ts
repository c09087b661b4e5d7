import { KitError } from "../errors/mod.ts";

/** The connection could not carry a call. `not sent`: nothing was begun, a repeat is safe. `lost`: it may have happened. */
export class WireError extends KitError {
  readonly code = "WIRE";
  readonly retryable = true;
  readonly what: "not sent" | "lost";

  constructor(what: "not sent" | "lost", reason: string, cause?: unknown) {
    super(`${what}: ${reason}`, cause === undefined ? undefined : { cause });
    this.what = what;
  }
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
