import type { Caller, ErrorReply } from "../contract/mod.ts";
import { KitError } from "../errors/mod.ts";

/** What a request is for. One value for all requests to an operation, so that nothing of it is made anew for each. */
export interface OperationAddress {
  readonly kind: "call" | "stream" | "queue" | "feed";
  /** `orders@1` */
  readonly contract: string;
  /** Call, stream or queue; "" for the feed. */
  readonly name: string;
  /** Fingerprint of the contract that the caller was built with. */
  readonly hash: string;
  /** All of it in one text, for the wire. */
  readonly text: string;
}

/** Gives an operation its address. */
export function operationAddress(facts: Omit<OperationAddress, "text">): OperationAddress {
  const { kind, contract, name, hash } = facts;
  return Object.freeze({ kind, contract, name, hash, text: `${kind} ${contract} ${name} ${hash}` });
}

const kinds = ["call", "stream", "queue", "feed"] as const;

/** The address that a text says. An unknown kind is answered as an operation that is not here. */
export function addressOf(text: string): OperationAddress {
  const [kind, contract = "", name = "", hash = ""] = text.split(" ");
  return operationAddress({ kind: kinds.find((known) => known === kind) ?? "call", contract, name, hash });
}

/** A request as it goes to another process. */
export interface RequestMessage {
  readonly to: OperationAddress;
  readonly input: unknown;
  readonly key?: string | undefined;
  readonly caller?: Caller | undefined;
  readonly trace?: string | undefined;
}

/** What comes back. */
export type ReplyMessage =
  | { readonly ok: true; readonly output: unknown }
  | { readonly ok: false; readonly error: ErrorReply };

/** What may end a request from the caller's side. */
export interface LinkSettings {
  readonly signal?: AbortSignal | undefined;
  readonly withinMs: number;
}

/** A connection to one process, shared by all requests to it. Rejects with {@link LinkError} when the connection is at fault, with
 *  TimeoutError at the deadline, with the signal's reason. */
export interface Link {
  call(message: RequestMessage, settings: LinkSettings): Promise<ReplyMessage>;
  /** Items, then the end; an error of the service is thrown as a LinkReplyError. */
  stream(message: RequestMessage, settings: Pick<LinkSettings, "signal">): AsyncIterable<unknown>;
}

/** Gives the connection to an address; opens it when first used. */
export type Links = (address: string) => Link;

/** The connection failed. `not sent`: nothing arrived, a repeat elsewhere is safe. `lost`: it may have happened. */
export class LinkError extends KitError {
  readonly code = "LINK";
  readonly retryable = true;
  readonly what: "not sent" | "lost";

  constructor(what: "not sent" | "lost", reason: string, cause?: unknown) {
    super(`${what}: ${reason}`, { cause });
    this.what = what;
  }
}

/** The service ended a stream with an error. */
export class LinkReplyError extends KitError {
  readonly code = "LINK_REPLY";
  readonly retryable = false;
  readonly reply: ErrorReply;

  constructor(reply: ErrorReply) {
    super(`the stream ended with ${reply.code}`);
    this.reply = reply;
  }
}
