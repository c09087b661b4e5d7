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
  JobContext,
  NeedClients,
  Needs,
  OpenContext,
  ServiceContext,
  StreamContext,
} from "./handler-context.ts";
export type { Log, LogFields, LogLevel, LogLine, LogSink } from "./log.ts";
export { implementationOf, system, type System, type SystemOptions } from "./system.ts";
export { SystemError, type SystemFault } from "./errors.ts";
export { openServices, type OpenServices, type OpenServicesOptions } from "./open-services.ts";
export type { HostState } from "./service-host.ts";
export { asIfRemote, type AsIfRemoteOptions } from "./as-if-remote.ts";
