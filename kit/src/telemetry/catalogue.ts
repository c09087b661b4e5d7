/**
 * Every event of the kit and its fields. Names are stable; fields may be added. Counts are integers, `…Ms` are milliseconds,
 * names and ids are those of the caller, payloads are never included. Extend it by declaration merging.
 */
export interface TelemetryEvents {
  readonly "ashlar.engine.commit": CommitEvent;
  readonly "ashlar.engine.claim": ClaimEvent;
  readonly "ashlar.engine.maintenance": MaintenanceEvent;
  readonly "ashlar.queue.add": QueueAddEvent;
  readonly "ashlar.queue.job": QueueJobEvent;
  readonly "ashlar.queue.lease-lost": QueueLeaseLostEvent;
  readonly "ashlar.events.append": EventsAppendEvent;
  readonly "ashlar.events.subscription": EventsSubscriptionEvent;
  readonly "ashlar.events.parked": EventsParkedEvent;
  readonly "ashlar.saga.step": SagaStepEvent;
  readonly "ashlar.saga.run": SagaRunEvent;
  readonly "ashlar.schedule.fired": ScheduleFiredEvent;
  readonly "ashlar.lock.change": LockChangeEvent;
  readonly "ashlar.driver.transaction": DriverTransactionEvent;
  readonly "ashlar.balancer.ejected": BalancerEjectedEvent;
  readonly "ashlar.balancer.returned": BalancerReturnedEvent;
  readonly "ashlar.balancer.health": BalancerHealthEvent;
  readonly "ashlar.limiter.refused": LimiterRefusedEvent;
  readonly "ashlar.limiter.store": LimiterStoreEvent;
  readonly "ashlar.resilience.breaker": ResilienceBreakerEvent;
  readonly "ashlar.resilience.call": ResilienceCallEvent;
  readonly "ashlar.resilience.flush": ResilienceFlushEvent;
  readonly "ashlar.resilience.limit": ResilienceLimitEvent;
  readonly "ashlar.resilience.retry": ResilienceRetryEvent;
  readonly "ashlar.cache.load": CacheLoadEvent;
  readonly "ashlar.cache.removed": CacheRemovedEvent;
  readonly "ashlar.cache.invalidated": CacheInvalidatedEvent;
  readonly "ashlar.cache.fault": CacheFaultEvent;
  readonly "ashlar.service.call": ServiceCallEvent;
  readonly "ashlar.http.request": HttpRequestEvent;
  readonly "ashlar.registry.changed": RegistryChangedEvent;
  readonly "ashlar.wire.closed": WireClosedEvent;
  readonly "ashlar.service.outdated": ServiceOutdatedEvent;
  readonly "ashlar.health.check": HealthCheckEvent;
  readonly "ashlar.health.state": HealthStateEvent;
  readonly "ashlar.lifecycle.phase": LifecyclePhaseEvent;
  readonly "ashlar.supervisor.child": SupervisorChildEvent;
}

/** One shared transaction of an engine: `lists` callers' commits with `changes` changes in all. */
export interface CommitEvent {
  readonly engine: string;
  readonly lists: number;
  readonly changes: number;
  readonly durationMs: number;
  readonly outcome: "committed" | "failed";
}

/** Jobs were handed to a worker: `ready` of the `asked`. */
export interface ClaimEvent {
  readonly engine: string;
  readonly queue: string;
  readonly asked: number;
  readonly ready: number;
  readonly durationMs: number;
}

/** A background task of an engine (checkpoint, expiry, rescue) ran; `affected` rows changed. */
export interface MaintenanceEvent {
  readonly engine: string;
  readonly task: string;
  readonly affected: number;
  readonly durationMs: number;
}

/** Jobs were added, durably. */
export interface QueueAddEvent {
  readonly queue: string;
  readonly jobs: number;
  /** Jobs that were there already under the same dedup key. */
  readonly duplicates: number;
}

/** A handler's attempt ended, whichever way. */
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

/** A worker held a job beyond its lease; its result is refused. */
export interface QueueLeaseLostEvent {
  readonly queue: string;
  readonly jobId: string;
  readonly attempt: number;
  readonly heldMs: number;
}

/** An append to a stream was answered. */
export interface EventsAppendEvent {
  readonly log: string;
  readonly stream: string;
  readonly events: number;
  readonly outcome: "appended" | "conflict" | "failed";
  readonly durationMs: number;
}

/** A subscription finished a batch. */
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

/** A poison event stopped its stream in one subscription; the others go on. */
export interface EventsParkedEvent {
  readonly subscription: string;
  readonly stream: string;
  readonly position: number;
  readonly error: unknown;
}

/** An attempt of a saga's step ended. */
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

/** A run of a saga began, came to rest or changed hands. */
export interface SagaRunEvent {
  readonly saga: string;
  readonly runId: string;
  readonly outcome: "started" | "resumed" | "waiting" | "done" | "undone" | "stuck" | "cancelled";
  /** Since the run was started, waiting included. */
  readonly ageMs: number;
  readonly error?: unknown;
}

/** A schedule fired, `lateMs` after it was due. */
export interface ScheduleFiredEvent {
  readonly schedule: string;
  readonly dueAtMs: number;
  readonly lateMs: number;
}

/** A lock changed hands; `token` is its fencing token. */
export interface LockChangeEvent {
  readonly lock: string;
  readonly change: "acquired" | "renewed" | "released" | "lost";
  readonly token: number;
}

/** One transaction of a driver ended. */
export interface DriverTransactionEvent {
  readonly driver: string;
  readonly outcome: "committed" | "rolled-back";
  /** Callers that shared it. */
  readonly callers: number;
  readonly durationMs: number;
}

/** A call was answered by the service that implements it. `outcome` is "ok" or the code of the error. */
export interface ServiceCallEvent {
  /** `orders@1.place` */
  readonly operation: string;
  readonly outcome: string;
  readonly durationMs: number;
}

/** A balancer took an endpoint out because of the outcomes of its calls. */
export interface BalancerEjectedEvent {
  readonly balancer: string;
  readonly endpoint: string;
  readonly reason: "consecutive-errors" | "error-ratio" | "latency";
  /** Ejections of late, this one included; each one lasts longer. */
  readonly ejections: number;
  readonly forMs: number;
}

/** An ejected endpoint is back, told by the first pick or report after its time was over. */
export interface BalancerReturnedEvent {
  readonly balancer: string;
  readonly endpoint: string;
}

/** A circuit breaker changed its state; `failed` of the `calls` in its window had failed. */
export interface ResilienceBreakerEvent {
  readonly breaker: string;
  readonly from: "closed" | "open" | "half-open" | "isolated" | "disabled" | "metrics-only";
  readonly to: "closed" | "open" | "half-open" | "isolated" | "disabled" | "metrics-only";
  readonly cause: "failures" | "slow-calls" | "probes-failed" | "probes-passed" | "time-over" | "votes" | "by-hand";
  /** How long it stays open; 0 for every other state. */
  readonly openMs: number;
  readonly calls: number;
  readonly failed: number;
}

/** A call through a pipeline ended, fallbacks aside. `end` is "ok", "error", "timeout", "deadline", "aborted" or the name of a refusal. */
export interface ResilienceCallEvent {
  readonly pipeline: string;
  readonly end: string;
  /** The policy that refused, or the pipeline. */
  readonly by: string;
  readonly attempts: number;
  readonly durationMs: number;
}

/** An attempt failed and another follows after `delayMs`. */
export interface ResilienceRetryEvent {
  readonly pipeline: string;
  readonly attempt: number;
  readonly end: string;
  readonly delayMs: number;
}

/** An adaptive limit moved by a whole permit or more. */
export interface ResilienceLimitEvent {
  readonly limit: string;
  readonly from: number;
  readonly to: number;
}

/** A batch was flushed: `done` of its `items`, the others are tried again or given up. */
export interface ResilienceFlushEvent {
  readonly batcher: string;
  readonly items: number;
  readonly done: number;
  readonly attempt: number;
  readonly durationMs: number;
}

/** Active checks changed their mind about an endpoint. */
export interface BalancerHealthEvent {
  readonly balancer: string;
  readonly endpoint: string;
  readonly health: "unknown" | "healthy" | "unhealthy";
}

/** A limiter refused a call. `rule` is the one to wait for longest, "" when nobody could judge. */
export interface LimiterRefusedEvent {
  readonly limiter: string;
  readonly key: string;
  readonly rule: string;
  readonly reason: "limit" | "store-down";
  /** Infinity when the call costs more than ever fits. */
  readonly retryAfterMs: number;
}

/** A limiter's store failed often enough to be left alone, or is back. */
export interface LimiterStoreEvent {
  readonly limiter: string;
  readonly store: string;
  readonly state: "down" | "up";
  readonly error?: unknown;
}

/** A health check found something else than the time before; the first finding counts. */
export interface HealthCheckEvent {
  readonly check: string;
  readonly status: "up" | "degraded" | "down" | "unknown";
  readonly reason: string;
  readonly durationMs: number;
}

/** A process moved on: it is ready for work, or no longer. */
export interface HealthStateEvent {
  readonly from: "starting" | "ready" | "draining" | "stopped";
  readonly to: "starting" | "ready" | "draining" | "stopped";
}

/** A phase of a shutdown ended, `unfinished` of its closers still running when its time was over. */
export interface LifecyclePhaseEvent {
  readonly phase: string;
  readonly outcome: "done" | "failed" | "overdue";
  readonly unfinished: number;
  readonly durationMs: number;
}

/** A supervised child changed its state. */
export interface SupervisorChildEvent {
  readonly child: string;
  readonly instance: number;
  readonly state: "waiting" | "starting" | "ready" | "draining" | "backing-off" | "failed" | "stopped";
  readonly pid: number | undefined;
  readonly restarts: number;
  readonly reason: string;
}

/** Somebody called with another contract than the one that is implemented here. */
export interface ServiceOutdatedEvent {
  /** `orders@1` */
  readonly contract: string;
  /** Fingerprint of the caller's contract. */
  readonly hash: string;
  readonly caller: string | undefined;
}

/** A connection between two processes has ended. */
export interface WireClosedEvent {
  /** Which end tells it. */
  readonly side: "client" | "server";
  /** Name of the other process; "" when it never said. */
  readonly peer: string;
  readonly reason: string;
}

/** An instance of this process has come into the registry, has left it, or has lost its place there. */
export interface RegistryChangedEvent {
  readonly instance: string;
  readonly address: string;
  readonly change: "announced" | "lost" | "left";
}

/** A request over HTTP was answered. */
export interface HttpRequestEvent {
  readonly method: string;
  /** `orders@1.place`, the path of a page, or "none". */
  readonly route: string;
  readonly status: number;
  readonly requestId: string;
  readonly durationMs: number;
}

/** A cache has asked a loader for a key. `absent`: there is no such value; `refresh`: something usable was in hand. */
export interface CacheLoadEvent {
  readonly cache: string;
  readonly key: string;
  readonly purpose: "miss" | "refresh" | "look";
  readonly outcome: "loaded" | "absent" | "failed";
  readonly durationMs: number;
  readonly error?: unknown;
}

/** An entry has left a cache: for want of room, at the end of its life, or because it was invalidated. Listeners must not call the cache. */
export interface CacheRemovedEvent {
  readonly cache: string;
  readonly key: string;
  readonly reason: "evicted" | "expired" | "invalidated";
}

/** So many keys or tags of a cache were invalidated; none of either: all of it. */
export interface CacheInvalidatedEvent {
  readonly cache: string;
  readonly mode: "hard" | "soft";
  readonly keys: number;
  readonly tags: number;
}

/** A cache could not reach what it shares with others. Reads were done without; writes and invalidations were refused. */
export interface CacheFaultEvent {
  readonly cache: string;
  readonly operation: string;
  readonly error: unknown;
}
