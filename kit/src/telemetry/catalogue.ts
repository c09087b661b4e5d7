/**
 * Every event of the kit and its fields. Names are stable; fields may be added. Counts are integers, `…Ms` are milliseconds,
 * names and ids are those of the caller, payloads are never included. Extend it by declaration merging.
 */
export interface TelemetryEvents {
  /** One shared transaction of an engine: `lists` callers' commits with `changes` changes in all. */
  readonly "ashlar.engine.commit": CommitEvent;
  /** Jobs were handed to a worker; `ready` of `asked` were there. */
  readonly "ashlar.engine.claim": ClaimEvent;
  /** A background task of an engine (checkpoint, expiry, rescue) ran. */
  readonly "ashlar.engine.maintenance": MaintenanceEvent;
  readonly "ashlar.queue.add": QueueAddEvent;
  /** A handler's attempt ended, whichever way. */
  readonly "ashlar.queue.job": QueueJobEvent;
  /** A worker held a job beyond its lease; its result is refused. */
  readonly "ashlar.queue.lease-lost": QueueLeaseLostEvent;
  readonly "ashlar.events.append": EventsAppendEvent;
  /** A subscription finished a batch. */
  readonly "ashlar.events.subscription": EventsSubscriptionEvent;
  /** A poison event stopped its stream in one subscription. */
  readonly "ashlar.events.parked": EventsParkedEvent;
  readonly "ashlar.saga.step": SagaStepEvent;
  /** A run came to rest or changed hands. */
  readonly "ashlar.saga.run": SagaRunEvent;
  readonly "ashlar.schedule.fired": ScheduleFiredEvent;
  readonly "ashlar.lock.change": LockChangeEvent;
  /** One transaction of a driver on its database. */
  readonly "ashlar.driver.transaction": DriverTransactionEvent;
}

export interface CommitEvent {
  readonly engine: string;
  readonly lists: number;
  readonly changes: number;
  readonly durationMs: number;
  readonly outcome: "committed" | "failed";
}

export interface ClaimEvent {
  readonly engine: string;
  readonly queue: string;
  readonly asked: number;
  readonly ready: number;
  readonly durationMs: number;
}

export interface MaintenanceEvent {
  readonly engine: string;
  readonly task: string;
  readonly affected: number;
  readonly durationMs: number;
}

export interface QueueAddEvent {
  readonly queue: string;
  readonly jobs: number;
  /** Jobs that were there already under the same dedup key. */
  readonly duplicates: number;
}

export interface QueueJobEvent {
  readonly queue: string;
  readonly jobId: string;
  readonly attempt: number;
  readonly outcome: "done" | "retry" | "dead" | "released" | "lost";
  /** From when the job was due to when its handler began. */
  readonly waitMs: number;
  readonly durationMs: number;
  readonly error?: unknown;
}

export interface QueueLeaseLostEvent {
  readonly queue: string;
  readonly jobId: string;
  readonly attempt: number;
  readonly heldMs: number;
}

export interface EventsAppendEvent {
  readonly log: string;
  readonly stream: string;
  readonly events: number;
  readonly outcome: "appended" | "conflict" | "failed";
  readonly durationMs: number;
}

export interface EventsSubscriptionEvent {
  readonly subscription: string;
  readonly partition: number;
  readonly events: number;
  /** Position up to which everything is done. */
  readonly position: number;
  /** Head of the log minus position. */
  readonly lag: number;
  readonly durationMs: number;
}

export interface EventsParkedEvent {
  readonly subscription: string;
  readonly stream: string;
  readonly position: number;
  readonly error: unknown;
}

export interface SagaStepEvent {
  readonly saga: string;
  readonly runId: string;
  readonly step: string;
  readonly direction: "forward" | "undo";
  readonly attempt: number;
  readonly outcome: "done" | "retry" | "failed";
  readonly durationMs: number;
  readonly error?: unknown;
}

export interface SagaRunEvent {
  readonly saga: string;
  readonly runId: string;
  readonly outcome: "started" | "resumed" | "waiting" | "done" | "undone" | "stuck" | "cancelled";
  /** Since the run was started, waiting included. */
  readonly ageMs: number;
  readonly error?: unknown;
}

export interface ScheduleFiredEvent {
  readonly schedule: string;
  readonly dueAtMs: number;
  readonly lateMs: number;
}

export interface LockChangeEvent {
  readonly lock: string;
  readonly change: "acquired" | "renewed" | "released" | "lost";
  readonly token: number;
}

export interface DriverTransactionEvent {
  readonly driver: string;
  readonly outcome: "committed" | "rolled-back";
  /** Callers that shared it. */
  readonly callers: number;
  readonly durationMs: number;
}
