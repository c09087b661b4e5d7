import type { Change, CommitResult, TransactionalEngine } from "../engine/mod.ts";
import { ConfigError, UnsupportedError } from "../errors/mod.ts";
import type { DomainEvent, Stored } from "./domain-event.ts";
import type { EventStore } from "./event-store.ts";
import type { FeedTarget, SubscriptionContext } from "./feed.ts";
import type { FeedSubscription } from "./feed-subscription.ts";
import { type FeedOptions, openFeed } from "./open-feed.ts";
import { activeCell, type Projection, type ProjectionContext, viewOf } from "./projection.ts";
import type { ParkedList, Subscription, SubscriptionStatus } from "./subscription.ts";

/** Which projection to keep, and how; partitions and prefix are part of its definition. */
export interface ProjectionOptions<Event extends DomainEvent, Sql> extends Omit<
  FeedOptions,
  "partitions" | "streamPrefix"
> {
  readonly store: EventStore;
  readonly projection: Projection<Event, Sql>;
  /** The store's own engine, for `applySql`: it brings the type of `Sql` along. */
  readonly engine?: TransactionalEngine<Sql> | undefined;
}

/** A projection that this process helps to keep. */
export interface RunningProjection extends Subscription {
  readonly version: number;
  /** Name of its view, `name@version`. */
  readonly view: string;
  /** Waits until this version has caught up, then makes it the one that readers get, in one commit. The old one stays until it is retired, so the way back is open. */
  activate(options?: { readonly signal?: AbortSignal | undefined }): Promise<"activated" | "active already">;
}

/** Keeps a view up to date, each event exactly once. The first version that is opened is active at once; a later one is built beside it
 *  until `activate`. Throws `ConfigError`, also for a version that was retired. */
export async function openProjection<Event extends DomainEvent, Sql = never>(
  options: ProjectionOptions<Event, Sql>,
): Promise<RunningProjection> {
  const { store, projection, engine } = options;
  const view = viewOf(projection);
  const feed = await openFeed(
    { ...options, partitions: projection.partitions, streamPrefix: projection.streamPrefix },
    { store, name: view, types: projection.types, from: "start", target: targetOf(store, projection, engine) },
  );
  const cell = activeCell(store.log, projection.name);
  await store.engine.commit([{ op: "put", cell, expect: "absent", value: String(projection.version) }]);
  return new FeedProjection(store, { version: projection.version, projection: projection.name, view }, feed);
}

function targetOf<Event extends DomainEvent, Sql>(
  store: EventStore,
  definition: Projection<Event, Sql>,
  engine: TransactionalEngine<Sql> | undefined,
): FeedTarget {
  const view = viewOf(definition);
  if (definition.applySql === undefined)
    return {
      granularity: "batch",
      apply: async (events, context) =>
        (await definition.apply?.(events as readonly Stored<Event>[], { ...context, view })) ?? [],
      commit: (changes) => store.engine.commit(changes),
    };
  if (engine === undefined || (engine as unknown) !== store.engine)
    throw new ConfigError("engine", engine, "the engine of the store, for applySql");
  if (engine.can.transactions !== "sql")
    throw new UnsupportedError("applySql", engine.can.engine, "use apply, which writes cells");
  return sqlTarget(engine, definition);
}

/** Statements and checkpoint in one transaction. `apply` only remembers the context: the events come again with the commit. */
function sqlTarget<Event extends DomainEvent, Sql>(
  engine: TransactionalEngine<Sql>,
  definition: Projection<Event, Sql>,
): FeedTarget {
  const contexts = new WeakMap<Stored, ProjectionContext>();
  const view = viewOf(definition);
  return {
    granularity: "batch",
    async apply(events, context: SubscriptionContext) {
      const [first] = events;
      if (first !== undefined) contexts.set(first, { ...context, view });
      return [];
    },
    commit(changes: readonly Change[], events): Promise<CommitResult> {
      const [first] = events;
      const context = first === undefined ? undefined : contexts.get(first);
      if (context === undefined) return engine.commit(changes);
      return engine.transaction(async (tx) => {
        const result = await tx.commit(changes);
        if (result.committed) await definition.applySql?.(tx.sql, events as readonly Stored<Event>[], context);
        return result;
      });
    },
  };
}

class FeedProjection implements RunningProjection {
  readonly name: string;
  readonly version: number;
  readonly view: string;
  readonly parked: ParkedList;
  readonly #store: EventStore;
  readonly #projection: string;
  readonly #feed: FeedSubscription;

  constructor(
    store: EventStore,
    names: { readonly projection: string; readonly version: number; readonly view: string },
    feed: FeedSubscription,
  ) {
    this.#store = store;
    this.#projection = names.projection;
    this.name = feed.name;
    this.version = names.version;
    this.view = names.view;
    this.parked = feed.parked;
    this.#feed = feed;
  }

  status(): Promise<SubscriptionStatus> {
    return this.#feed.status();
  }

  caughtUp(position?: number, options?: { readonly signal?: AbortSignal | undefined }): Promise<void> {
    return this.#feed.caughtUp(position, options);
  }

  async activate(options?: { readonly signal?: AbortSignal | undefined }): Promise<"activated" | "active already"> {
    const cell = activeCell(this.#store.log, this.#projection);
    for (;;) {
      await this.#feed.caughtUp(undefined, options);
      const [active] = await this.#store.engine.get([cell]);
      if (active?.value === String(this.version)) return "active already";
      // Refused when another process switched at the same moment; then look again.
      const expect = active?.version ?? "absent";
      const result = await this.#store.engine.commit([{ op: "put", cell, expect, value: String(this.version) }]);
      if (result.committed) return "activated";
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#feed[Symbol.asyncDispose]();
  }
}
