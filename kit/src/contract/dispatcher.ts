import type { AnyContract } from "./contract.ts";

/** Who calls, as established at the edge; travels with every call that follows. */
export interface Caller {
  readonly id: string;
  readonly roles: readonly string[];
}

/** One request on its way to a service. */
export interface Request {
  /** Not validated yet: the service does that. */
  readonly input: unknown;
  /** Time left in milliseconds; the contract's deadline applies where it is shorter. */
  readonly withinMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  /** The call that this one is part of, whose end also ends this one. Its signal is made when first read. */
  readonly parent?: { readonly signal: AbortSignal } | undefined;
  /** Idempotency key. */
  readonly key?: string | undefined;
  readonly affinity?: string | undefined;
  readonly caller?: Caller | undefined;
  /** W3C `traceparent` of what this call is part of. */
  readonly trace?: string | undefined;
}

/** The way to one operation. Rejects with a CallError, or with the signal's reason. */
export type CallPort = (request: Request) => Promise<unknown>;
/** The way to one stream. */
export type StreamPort = (request: Request) => AsyncIterable<unknown>;
/** The way into one queue: resolves with the job's id when it is durable, or with its answer where the queue has an output. */
export type QueuePort = (request: Request) => Promise<unknown>;

/** A page of the events of a contract. */
export interface FeedRequest {
  /** Position after which to read; 0 reads from the start. */
  readonly after: number;
  readonly limit: number;
  /** Events that are wanted; others are passed over. Default: all. */
  readonly names?: readonly string[] | undefined;
  /** How long to wait when there is nothing yet. */
  readonly waitMs: number;
  readonly signal: AbortSignal;
}

/** One event as its publisher has recorded it. Positions are 1, 2, 3 … without gaps. */
export interface FeedEvent {
  readonly position: number;
  readonly name: string;
  readonly key: string;
  readonly data: unknown;
  readonly recordedAtMs: number;
}

/** Events in order, and the position through which the publisher has looked. */
export interface FeedPage {
  readonly events: readonly FeedEvent[];
  readonly through: number;
  /** Last position of the log. */
  readonly head: number;
}

/** The way to the events of a contract. */
export type FeedPort = (request: FeedRequest) => Promise<FeedPage>;

/** Whatever carries requests to services: the same process, a connection, HTTP. Asked once an operation, not once a request. */
export interface Dispatcher {
  call(contract: AnyContract, name: string): CallPort;
  stream(contract: AnyContract, name: string): StreamPort;
  queue(contract: AnyContract, name: string): QueuePort;
  /** Throws UnsupportedError where events are not carried. */
  feed(contract: AnyContract): FeedPort;
}
