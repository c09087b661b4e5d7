import type { AnyCall, CallInput, CallOutput } from "./call.ts";
import type { AnyContract, Calls, Queues, Streams } from "./contract.ts";
import type { ContractQueue } from "./queue.ts";
import type { InferInput, InferOutput, StandardSchema } from "../schema/mod.ts";
import type { Stream } from "./stream.ts";

/** Terms of one call, all optional. */
export interface CallSettings {
  readonly signal?: AbortSignal | undefined;
  /** Tightens the deadline of the contract, in milliseconds from now. */
  readonly withinMs?: number;
  /** Idempotency key, for keyed calls and queues. Made at random when absent. */
  readonly key?: string | undefined;
  /** Calls with the same affinity go to the same instance while it is well. */
  readonly affinity?: string;
}

/** A contract as its caller has it: a function a call, stream and queue. The interface is the same wherever the service runs. */
export type Client<C extends AnyContract> = CallsClient<C["calls"]> &
  StreamsClient<C["streams"]> &
  QueuesClient<C["queues"]>;

/** Each rejects with one of the errors of {@link CallError}, or with the reason of the signal. */
export type CallsClient<C extends Calls> = { readonly [K in keyof C]: CallFunction<C[K]> };
/** Each iterable may be iterated once; ending the iteration ends the stream at the service. */
export type StreamsClient<S extends Streams> = { readonly [K in keyof S]: StreamFunction<S[K]> };
/** Each resolves when the job is durable at the service, or, where the queue has an output, with the answer. */
export type QueuesClient<Q extends Queues> = { readonly [K in keyof Q]: QueueFunction<Q[K]> };

/** A call of a client. */
export type CallFunction<C extends AnyCall> = (input: CallInput<C>, settings?: CallSettings) => Promise<CallOutput<C>>;
/** A stream of a client. */
export type StreamFunction<S extends Stream> = (
  input: CallInput<S>,
  settings?: CallSettings,
) => AsyncIterable<CallOutput<S>>;
/** A queue of a client. */
export type QueueFunction<Q extends ContractQueue> = (
  input: CallInput<Q>,
  settings?: CallSettings,
) => Promise<QueueAnswer<Q>>;
/** What a client gets for a job: the answer where there is one, else the job's id. */
export type QueueAnswer<Q extends ContractQueue> = Q["output"] extends StandardSchema
  ? InferOutput<Q["output"]>
  : { readonly id: string };
/** What the handler of a queue gives back. */
export type QueueResult<Q extends ContractQueue> = Q["output"] extends StandardSchema ? InferInput<Q["output"]> : void;
