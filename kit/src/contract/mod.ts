export {
  type AnyCall,
  call,
  type Call,
  type CallInput,
  type CallOptions,
  type CallOutput,
  type HandlerInput,
  type HandlerOutput,
} from "./call.ts";
export type { Semantics } from "./semantics.ts";
export { stream, type Stream, type StreamOptions } from "./stream.ts";
export { event, type Event, type EventOptions } from "./event.ts";
export { queue, type ContractQueue, type ContractQueueOptions } from "./queue.ts";
export { failure, type AnyFailures, type Failure, type FailureOptions, type Failures } from "./failure.ts";
export type { Access } from "./access.ts";
export type { CallTerms, RateLimit, Targets } from "./call-terms.ts";
export { fieldsOf, type HttpMethod, type HttpOptions, type HttpRoute } from "./http-route.ts";
export {
  type AnyContract,
  type Calls,
  contract,
  contractId,
  type Contract,
  type ContractOptions,
  type Events,
  type Queues,
  type Streams,
} from "./contract.ts";
export type {
  CallFunction,
  CallSettings,
  CallsClient,
  Client,
  QueueAnswer,
  QueueFunction,
  QueueResult,
  QueuesClient,
  StreamFunction,
  StreamsClient,
} from "./client.ts";
export {
  AccessError,
  type Declared,
  DeclaredError,
  FaultError,
  isFailure,
  KeyReusedError,
  OutcomeUnknownError,
  RateLimitError,
  UnavailableError,
} from "./call-errors.ts";
export { type CallError, errorReply, type ErrorReply, isCallError, replyError } from "./error-reply.ts";
export type {
  Caller,
  CallPort,
  Dispatcher,
  FeedEvent,
  FeedPage,
  FeedPort,
  FeedRequest,
  QueuePort,
  Request,
  StreamPort,
} from "./dispatcher.ts";
export { clientOf, type Inherited } from "./client-of.ts";
export {
  type CallDescription,
  type ContractDescription,
  contractHash,
  describeSchema,
  describeContract,
} from "./describe-contract.ts";
export { type Breakage, compareContracts } from "./compare-contracts.ts";
