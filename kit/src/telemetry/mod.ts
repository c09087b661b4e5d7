export type {
  ClaimEvent,
  CommitEvent,
  DriverTransactionEvent,
  EventsAppendEvent,
  EventsParkedEvent,
  EventsSubscriptionEvent,
  LockChangeEvent,
  MaintenanceEvent,
  QueueAddEvent,
  QueueJobEvent,
  QueueLeaseLostEvent,
  SagaRunEvent,
  SagaStepEvent,
  ScheduleFiredEvent,
  ServiceCallEvent,
  TelemetryEvents,
} from "./catalogue.ts";
export { type Channel, subscribe, telemetryChannel } from "./channel-system.ts";
