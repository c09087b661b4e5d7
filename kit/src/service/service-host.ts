import type { Clock } from "../clock/mod.ts";
import {
  type AnyContract,
  clientOf,
  contractId,
  type Dispatcher,
  FaultError,
  type FeedPage,
  type FeedRequest,
  UnavailableError,
} from "../contract/mod.ts";
import type { Engine } from "../engine/mod.ts";
import { isRetryable } from "../errors/mod.ts";
import type { Random } from "../random/mod.ts";
import { contextLog } from "./context-log.ts";
import { Deadlines } from "../abort/mod.ts";
import { eventFeed, type EventFeed } from "./event-feed.ts";
import { eventLog } from "./event-log.ts";
import type { CommitEnd, CommitWork, HeardSoFar } from "./handler-context.ts";
import { HostedOperation } from "./hosted-operation.ts";
import { HostedQueues } from "./hosted-queues.ts";
import { HostedStream } from "./hosted-stream.ts";
import type { Implementation } from "./implement.ts";
import type { Handling, Hosting } from "./hosting.ts";
import { KeyedAnswers } from "./keyed-answers.ts";
import type { Log, LogSink } from "./log.ts";
import { type NeedsMaker, needsMaker } from "./needs.ts";
import { noEngine } from "./no-engine.ts";
import { Subscriptions } from "./subscriptions.ts";

/** What a service is opened with. */
export interface HostOptions {
  readonly implementation: Implementation;
  /** The engine that the implementation names. */
  readonly engine: Engine | undefined;
  /** The way to the services that it needs. */
  readonly dispatcher: Dispatcher;
  readonly clock: Clock;
  readonly random: Random;
  readonly nextId: () => string;
  readonly log: LogSink;
  /** Calls handled at once; beyond it they are refused. */
  readonly callsMax: number;
  /** How long its workers wait for the jobs that run when it closes. */
  readonly graceMs: number;
}

/** Facts of one service, for health reports. */
export interface HostState {
  readonly service: string;
  readonly state: "opening" | "serving" | "draining" | "closed";
  readonly callsInFlight: number;
}

/**
 * One service, running in this process. `opening` until what it owns is open, then `serving`, `draining` from the moment it begins to
 * close (new calls are refused as not done), `closed` in the end.
 */
export class ServiceHost implements Hosting {
  readonly implementation: Implementation;
  readonly id: string;
  readonly engine: Engine;
  readonly emit: object;
  readonly enqueue: object;
  readonly needs: NeedsMaker;
  readonly clock: Clock;
  readonly random: Random;
  readonly nextId: () => string;
  readonly graceMs: number;
  readonly operations: ReadonlyMap<string, HostedOperation>;
  readonly streams: ReadonlyMap<string, HostedStream>;
  readonly queues: HostedQueues;
  readonly subscriptions: Subscriptions;
  own: unknown = undefined;
  #state: HostState["state"] = "opening";
  #inFlight = 0;
  #idle: (() => void) | undefined;
  readonly #callsMax: number;
  readonly #sink: LogSink;
  readonly #deadlines: Deadlines;
  readonly #dispatcher: Dispatcher;
  readonly #feed: EventFeed;
  /** Clients that are part of no call; made once, for every job is given them. */
  #unboundNeeds: object | undefined;
  readonly #resources = new AsyncDisposableStack();
  readonly #closing = new AbortController();

  constructor(options: HostOptions) {
    const { implementation, engine, dispatcher, clock, random, nextId, log, callsMax, graceMs } = options;
    const { contract } = implementation;
    this.implementation = implementation;
    this.id = contractId(contract);
    this.engine = engine ?? noEngine(this.id);
    this.clock = clock;
    this.random = random;
    this.nextId = nextId;
    this.graceMs = graceMs;
    this.#sink = log;
    this.#callsMax = callsMax;
    this.#dispatcher = dispatcher;
    this.#deadlines = new Deadlines(clock);
    this.needs = needsMaker(implementation.needs, dispatcher);
    this.emit = eventLog(contract);
    this.#feed = eventFeed(contract, this.engine);
    this.operations = operationsOf(this, contract);
    this.streams = new Map(Object.keys(contract.streams).map((name) => [name, new HostedStream(this, name)]));
    this.queues = new HostedQueues(this);
    this.subscriptions = new Subscriptions(this, dispatcher);
    this.enqueue = this.queues.changes;
  }

  get state(): HostState {
    return { service: this.id, state: this.#state, callsInFlight: this.#inFlight };
  }

  /** Aborted when the service begins to close. */
  get closing(): AbortSignal {
    return this.#closing.signal;
  }

  /** Opens what the service owns, then its workers. When it fails, what was opened is closed again. */
  async open(): Promise<void> {
    try {
      await this.queues.open();
      this.own = await this.implementation.open?.({
        ...this.shared(),
        resources: this.#resources,
        closing: this.#closing.signal,
      } as never);
      this.#state = "serving";
      // Before they begin to work, so that they are closed also when they cannot; and before what they work with.
      this.#resources.use(this.queues);
      this.#resources.use(this.subscriptions);
      await this.queues.work();
      await this.subscriptions.open();
    } catch (error) {
      this.#closing.abort(new UnavailableError(this.id, "the service could not be opened"));
      await this.#release().catch((failure: unknown) => this.log({}).error("closing failed", { error: failure }));
      throw error;
    }
  }

  /** What every part of the implementation works with, with clients that are part of no call. */
  shared(): object {
    const { engine, emit, enqueue, clock, random } = this;
    const heard = (need: string): Promise<HeardSoFar> => this.subscriptions.heard(need);
    const needs = (this.#unboundNeeds ??= this.#unboundClients());
    return { needs, engine, emit, enqueue, clock, random, heard, log: this.log({}) };
  }

  #unboundClients(): object {
    const needs = Object.entries(this.implementation.needs);
    return Object.freeze(Object.fromEntries(needs.map(([name, it]) => [name, clientOf(it, this.#dispatcher)])));
  }

  /** A page of its events; waits for one. Whatever the store says is a fault, told in the log. */
  async feed(request: FeedRequest): Promise<FeedPage> {
    try {
      return await this.#feed(request);
    } catch (error) {
      const reference = this.nextId();
      this.log({}).error("the events cannot be read", { error, reference });
      throw new FaultError(`${this.id}: events`, reference, { retryable: isRetryable(error), cause: error });
    }
  }

  /** Why a call cannot be taken now. */
  refusal(operation: string): UnavailableError | undefined {
    if (this.#state !== "serving") return new UnavailableError(operation, `the service is ${this.#state}`);
    if (this.#inFlight < this.#callsMax) return undefined;
    return new UnavailableError(operation, `${this.#callsMax} calls are in flight already`);
  }

  begin(handling: Handling): void {
    this.#inFlight++;
    this.#deadlines.add(handling);
  }

  /** Whether somebody still waits for the answer. */
  end(handling: Handling): boolean {
    const isAwaited = handling.end();
    if (isAwaited) this.#deadlines.remove(handling);
    this.left();
    return isAwaited;
  }

  entered(): void {
    this.#inFlight++;
  }

  left(): void {
    if (--this.#inFlight === 0) this.#idle?.();
  }

  /** A caller gave up before the deadline. */
  abandon(handling: Handling, reason: Error): void {
    if (handling.stop(reason) === "stopped") this.#deadlines.remove(handling);
  }

  logOf(operation: { readonly id: string }, trace: string | undefined): Log {
    return this.log({ operation: operation.id, ...(trace === undefined ? {} : { trace }) });
  }

  log(facts: Readonly<Record<string, unknown>>): Log {
    return contextLog(this.#sink, this.clock, { service: this.id, ...facts });
  }

  /** Commits without storing an answer, for calls that are not keyed. */
  readonly commit = async ({ output, changes }: CommitWork<unknown>): Promise<CommitEnd<unknown>> => {
    const result = await this.engine.commit(changes);
    return result.committed ? { committed: true, output } : result;
  };

  /** Takes no more calls, jobs and events, lets what runs finish within `graceMs`, stops the rest, and closes what the service owns. */
  async close(graceMs: number): Promise<void> {
    if (this.#state === "closed") return;
    this.#state = "draining";
    this.#closing.abort(new UnavailableError(this.id, "the service is closing"));
    // Both at once, each until the same moment. What fails is told by the release, which waits for the same ends.
    await Promise.allSettled([
      this.#finish(graceMs),
      this.queues[Symbol.asyncDispose](),
      this.subscriptions[Symbol.asyncDispose](),
    ]);
    await this.#release();
  }

  async #release(): Promise<void> {
    try {
      await this.#resources.disposeAsync();
    } finally {
      this.#deadlines[Symbol.dispose]();
      this.#state = "closed";
    }
  }

  async #finish(graceMs: number): Promise<void> {
    if (this.#inFlight === 0) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#idle = resolve;
    const timer = this.clock.setTimer(graceMs, () => {
      this.#deadlines.expireAll();
      resolve();
    });
    await promise;
    timer.cancel();
  }
}

function operationsOf(host: ServiceHost, contract: AnyContract): ReadonlyMap<string, HostedOperation> {
  const operations = Object.entries(contract.calls).map(([name, call]) => {
    const handler = host.implementation.handlers[name];
    if (handler === undefined) throw new TypeError(`${host.id} has no handler ${name}`);
    const isKeyed = call.semantics === "keyed";
    const answers = isKeyed ? new KeyedAnswers(host.engine, `${host.id}.${name}`) : undefined;
    return [name, new HostedOperation(host, { contract, name, handler, answers })] as const;
  });
  return new Map(operations);
}
