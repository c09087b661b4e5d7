/** A call or stream, as the caller gives it. Body and meta are JSON. */
export interface WireRequest {
  readonly method: string;
  readonly body: unknown;
  /** Small facts that travel with it: trace, caller, keys. */
  readonly meta?: unknown;
}

/** What may end a call from the caller's side. */
export interface WireCallOptions {
  /** Time from now until the caller no longer waits. */
  readonly withinMs: number;
  readonly signal?: AbortSignal | undefined;
}

/** What may end a stream from the caller's side. */
export interface WireStreamOptions {
  readonly signal?: AbortSignal | undefined;
}

/** A request as its handler has it. */
export interface WireIncoming extends WireRequest {
  /** Time that the caller still waits, in milliseconds; Infinity for streams. */
  readonly withinMs: number;
  /** Name of the other process. */
  readonly peer: string;
  /** Aborted when the caller no longer waits (its deadline included, as soon as it says so), or is gone. Made when first read. */
  readonly signal: AbortSignal;
}

/** What a server does with what arrives. */
export interface WireHandlers {
  /** The answer, as JSON. What it throws is `refuse`d. */
  readonly call: (incoming: WireIncoming) => Promise<unknown>;
  readonly stream?: ((incoming: WireIncoming) => AsyncIterable<unknown>) | undefined;
  /** What is told to the caller of an error; JSON. Default: the reply of a WireReplyError, else that it failed. */
  readonly refuse?: ((error: unknown) => unknown) | undefined;
}
