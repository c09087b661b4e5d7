export {
  causedBy,
  type DomainEvent,
  type EventMeta,
  type EventPlace,
  type Stored,
  type SubjectErased,
} from "./domain-event.ts";
export { ConflictError, SealError, TakenOverError, UnknownEventError } from "./errors.ts";
export {
  type EventDefinition,
  type EventTable,
  eventTypes,
  type EventTypes,
  type PersonalFields,
  type Upcast,
} from "./event-types.ts";
export {
  type AnyDecider,
  type CommandOf,
  decider,
  type Decider,
  type EventOf,
  reject,
  type Rejected,
  type RejectionOf,
  type SnapshotRule,
  type StateOf,
  streamOf,
} from "./decider.ts";
export type {
  Accepted,
  AfterAll,
  Call,
  Calls,
  ExecuteOptions,
  Execution,
  ExecutionOfAll,
  Planned,
  PlanOptions,
  Rejections,
  Results,
} from "./command.ts";
export type { Begun } from "./begin-stream.ts";
export type { Appended, AppendOptions, EventStore, ReadAllOptions, ReadStreamOptions } from "./event-store.ts";
export type { AsOf, Versioned } from "./rehydration.ts";
export { openEventStore, type EventStoreOptions, type SqlEventStoreOptions } from "./open-event-store.ts";
export type { InlineProjection, InlineSqlProjection, PendingEvent } from "./store-context.ts";
export type { Opener, Sealer, SealPlace, SubjectKeys } from "./subject-keys.ts";
export type { SubscriptionContext } from "./feed.ts";
export type { FeedOptions } from "./open-feed.ts";
export { openSubscription, type SubscriptionOptions } from "./open-subscription.ts";
export { ParkedFullError } from "./partition-fault.ts";
export type { Parked, ParkedList, PartitionStatus, Subscription, SubscriptionStatus } from "./subscription.ts";
export { activeView, cellView, type CellFold, viewReader, type ViewReader } from "./cell-view.ts";
export { openProjection, type ProjectionOptions, type RunningProjection } from "./open-projection.ts";
export { projection, type Projection, type ProjectionContext, type ViewChange, viewOf } from "./projection.ts";
export { retireProjection } from "./retire-projection.ts";
export { openSubjectKeys, type SubjectKeysOptions } from "./open-subject-keys.ts";
export {
  type CommandHistory,
  commandHistory,
  type CommandHistoryOptions,
  type UndoableCommand,
  type UndoableTable,
} from "./command-history.ts";
export {
  commandHandlers,
  type Handler,
  type Handlers,
  type HandlerTable,
  queryHandlers,
  UnknownMessageError,
} from "./handlers.ts";
export type { HistoryEntry } from "./history-decider.ts";
