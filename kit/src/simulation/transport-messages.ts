import type { Caller } from "../contract/mod.ts";
import type { ReplyMessage, RequestMessage } from "../service/mod.ts";

/** A request of a service as it goes through the network of a world. */
export interface WireRequest {
  /** The operation's address in one text. */
  readonly to: string;
  readonly input: unknown;
  readonly key?: string | undefined;
  readonly caller?: Caller | undefined;
  readonly trace?: string | undefined;
}

/** What the caller's end of a transport asks of the other. `process`: the epoch of the process it believes to talk to. */
export type Question =
  | { readonly op: "hello" }
  | { readonly op: "ping"; readonly process: number }
  | {
      readonly op: "call";
      readonly process: number;
      readonly id: string;
      readonly withinMs: number;
      readonly request: WireRequest;
    }
  | { readonly op: "open"; readonly process: number; readonly id: string; readonly request: WireRequest }
  | { readonly op: "next"; readonly process: number; readonly id: string; readonly item: number };

/** What comes back. `gone`: that process is not there any more, and nothing was done. */
export type Answer =
  | { readonly kind: "here"; readonly process: number }
  | { readonly kind: "gone" }
  | { readonly kind: "reply"; readonly reply: ReplyMessage }
  | { readonly kind: "item"; readonly item: unknown }
  | { readonly kind: "end" };

/** Sent and not waited for: nobody wants the answer to that request any longer. */
export interface Cancellation {
  readonly op: "cancel";
  readonly id: string;
}

/** The parts of a request that travel. */
export function travelling({ to, input, key, caller, trace }: RequestMessage): WireRequest {
  return { to: to.text, input, key, caller, trace };
}
