export {
  engineToken,
  type EnginePlace,
  type EngineProvision,
  type EngineToken,
  provide,
  type ProvideOptions,
} from "./engine-token.ts";
export {
  type CallHandlers,
  implement,
  type Implement,
  type Implementation,
  type ImplementOptions,
  type QueueHandlers,
  type StreamHandlers,
  type Subscriptions,
} from "./implement.ts";
export type {
  CallContext,
  CallShape,
  CommitEnd,
  CommitWork,
  Emit,
  Enqueues,
  EventContext,
  Fail,
  HandlerContext,
  HeardSoFar,
  JobContext,
  NeedClients,
  Needs,
  OpenContext,
  ServiceContext,
  SqlOf,
  StreamContext,
} from "./handler-context.ts";
export type { Log, LogFields, LogLevel, LogLine, LogSink } from "./log.ts";
export { implementationOf, system, type System, type SystemOptions } from "./system.ts";
export { SystemError, type SystemFault } from "./errors.ts";
export { openServices, type OpenServices, type OpenServicesOptions } from "./open-services.ts";
export type { HostState } from "./service-host.ts";
export { asIfRemote, type AsIfRemoteOptions } from "./as-if-remote.ts";
export { type Entrance, type Placement, run, type Running, type RunOptions } from "./run.ts";
export { runConfig, type RunSettings } from "./run-config.ts";
export type { LinkParts, Listener, ListenParts, OpenLinks, Transport } from "./transport.ts";
export {
  addressOf,
  type Link,
  LinkError,
  LinkReplyError,
  type Links,
  type LinkSettings,
  type OperationAddress,
  type ReplyMessage,
  type RequestMessage,
} from "./link.ts";
export type { Incoming, RequestServer } from "./serve-requests.ts";
export type { RemoteDispatcher } from "./remote-dispatcher.ts";
