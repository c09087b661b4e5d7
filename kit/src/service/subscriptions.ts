import { contractId, type AnyContract, type Dispatcher, type FeedEvent, type FeedPort } from "../contract/mod.ts";
import type { Change } from "../engine/mod.ts";
import { openQueue, openWorker, queue, type Queue, retryPlan, type Worker } from "../queue/mod.ts";
import { ConfigError, KitError } from "../errors/mod.ts";
import type { HeardSoFar } from "./handler-context.ts";
import { parseSync } from "../schema/mod.ts";
import { closeAll, jobContext } from "./hosted-queues.ts";
import type { Hosting } from "./hosting.ts";

const pageSize = 256;
const waitMs = 20_000;
const pauseAfterFaultMs = 1_000;
const attemptsMax = 20;
// As often as it may fail: a process that is killed again and again has nearly always the same few events in hand, and is not killed by them.
const crashesMax = attemptsMax;
const depthMax = 10_000;
const retry = retryPlan({ attemptsMax, firstMs: 250, capMs: 600_000 });

type EventHandler = (context: unknown) => unknown;

/**
 * The subscriptions of a service. For each publisher one pump takes its events, in order, into a queue on the subscriber's own engine, in
 * one commit with the position through which it has read; so each event arrives once, whoever dies. The queue's worker
 * handles them in order per key, with retries and dead letters. Every replica pumps: the position decides whose page counts.
 */
export class Subscriptions implements AsyncDisposable {
  readonly #host: Hosting;
  readonly #dispatcher: Dispatcher;
  readonly #inboxes = new Map<string, Queue<FeedEvent>>();
  readonly #workers: Worker[] = [];
  #closed: Promise<void> | undefined;
  readonly #stop = new AbortController();
  readonly #pumps: Promise<void>[] = [];

  constructor(host: Hosting, dispatcher: Dispatcher) {
    this.#host = host;
    this.#dispatcher = dispatcher;
  }

  async open(): Promise<void> {
    const { on, needs } = this.#host.implementation;
    for (const [need, handlers] of Object.entries(on)) {
      const publisher = needs[need];
      if (publisher === undefined || Object.keys(handlers).length === 0) continue;
      await this.#subscribe(publisher, handlers as Readonly<Record<string, EventHandler>>);
    }
  }

  /** How far the events of a need have been heard. Throws {@link ConfigError} for a need that is not subscribed to. */
  async heard(need: string): Promise<HeardSoFar> {
    const publisher = this.#host.implementation.needs[need];
    const name = publisher === undefined ? "" : this.#name(publisher);
    const inbox = this.#inboxes.get(name);
    if (inbox === undefined) throw new ConfigError("need", need, "one that is subscribed to");
    const [place] = await this.#host.engine.get([{ space: "subscriptions", key: name }]);
    const { depth, dead } = await inbox.status();
    return { through: Number(place?.value ?? 0), waiting: depth, dead };
  }

  #name(publisher: AnyContract): string {
    return `${this.#host.id} on ${contractId(publisher)}`;
  }

  /** Stops reading, then lets handlers that run finish. */
  [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    return (this.#closed ??= Promise.all([...this.#pumps, closeAll(this.#workers)]).then(() => undefined));
  }

  async #subscribe(publisher: AnyContract, handlers: Readonly<Record<string, EventHandler>>): Promise<void> {
    const name = this.#name(publisher);
    const inbox = await openQueue({
      engine: this.#host.engine,
      queue: queue<FeedEvent>(name, { key: ({ key }) => key, retry, crashesMax, depthMax }),
      random: this.#host.random,
    });
    this.#inboxes.set(name, inbox);
    const worker = await openWorker({
      queue: inbox,
      drainMs: this.#host.graceMs,
      handle: async (job) => {
        const event = job.input;
        const handler = handlers[event.name];
        // A subscription that was given up; its events have nobody left.
        if (handler === undefined) return;
        const id = `${contractId(publisher)}/${event.position}`;
        const schema = publisher.events[event.name]?.data;
        const data = schema === undefined ? event.data : parseSync(schema, event.data, `the data of ${id}`);
        const { recordedAtMs } = event;
        await handler(Object.assign(jobContext(this.#host, job, { data, recordedAtMs, id: name }), { id }));
      },
      onFault: ({ what, error, jobId }) =>
        this.#host.log({ subscription: name }).warn("an event was not handled", { what, error, jobId }),
    });
    this.#workers.push(worker);
    this.#pumps.push(this.#pump({ name, inbox, feed: this.#dispatcher.feed(publisher), handlers }));
  }

  async #pump(pump: Pump): Promise<void> {
    const { signal } = this.#stop;
    const { clock } = this.#host;
    while (!signal.aborted) {
      try {
        const askedAtMs = clock.monotonic();
        const moved = await this.#move(pump, signal);
        // A publisher waits when it has nothing, unless it is about to close.
        const isHasty = moved === "nothing" && clock.monotonic() - askedAtMs < pauseAfterFaultMs;
        if (moved === "full" || isHasty) await clock.sleep(pauseAfterFaultMs, { signal });
      } catch (error) {
        if (signal.aborted) return;
        this.#host.log({ subscription: pump.name }).warn("the events cannot be read now", { error });
        await clock.sleep(pauseAfterFaultMs, { signal }).catch(() => undefined);
      }
    }
  }

  /** One page of events into the inbox. */
  async #move({ name, inbox, feed, handlers }: Pump, signal: AbortSignal): Promise<"moved" | "nothing" | "full"> {
    const cell = { space: "subscriptions", key: name };
    const [place] = await this.#host.engine.get([cell]);
    const after = place === undefined ? 0 : Number(place.value);
    const names = Object.keys(handlers);
    const { events, through, head } = await feed({ after, limit: pageSize, names, waitMs, signal });
    // A publisher of an earlier version does not say.
    if (head < after) throw new EventsLostError(name, { after, head });
    if (through <= after) return "nothing";
    // A publisher of an earlier version sends all.
    const wanted = events.filter((event) => Object.hasOwn(handlers, event.name));
    const changes: Change[] = wanted.map((event) => inbox.change(event));
    changes.push({ op: "put", cell, expect: place === undefined ? "absent" : place.version, value: String(through) });
    const result = await this.#host.engine.commit(changes);
    return !result.committed && result.refusal.kind === "queue-full" ? "full" : "moved";
  }
}

/** The publisher's log ends before what was heard of it: it was restored, or its server lost what it had not written yet. */
class EventsLostError extends KitError {
  readonly code = "EVENTS_LOST";
  readonly retryable = false;

  constructor(subscription: string, { after, head }: { readonly after: number; readonly head: number }) {
    super(
      `"${subscription}" has heard events up to ${after}, and the log of its publisher ends at ${head}: what came between is lost there; ` +
        `restore both services from the same moment`,
    );
  }
}

interface Pump {
  readonly name: string;
  readonly inbox: Queue<FeedEvent>;
  readonly feed: FeedPort;
  readonly handlers: Readonly<Record<string, EventHandler>>;
}
