import type { Change } from "../engine/mod.ts";
import type { DomainEvent, Stored } from "./domain-event.ts";
import type { EventStore } from "./event-store.ts";
import type { EventTypes } from "./event-types.ts";
import type { SubscriptionContext } from "./feed.ts";
import { type FeedOptions, openFeed } from "./open-feed.ts";
import type { Subscription } from "./subscription.ts";

/** What to follow, from where, and what to do with it. */
export interface SubscriptionOptions<Event extends DomainEvent> extends FeedOptions {
  readonly store: EventStore;
  /** Names the checkpoint: the same name continues where it stopped, in any process. */
  readonly name: string;
  /** Decodes, and selects the types it lists. Without it all events come, as stored. */
  readonly types?: EventTypes<Event> | undefined;
  /** Where a new subscription begins: behind a position, or at the events that come after now. Default "start". */
  readonly from?: "start" | "end" | number | undefined;
  /** Handles one event. Events of one stream come in order, one at a time. Changes that it returns are committed with the checkpoint:
   *  they happen exactly once. Everything else it does happens at least once, so use `stream@version` as idempotency key. */
  handle(
    event: Stored<Event>,
    context: SubscriptionContext,
  ): Promise<readonly Change[] | void> | readonly Change[] | void;
}

/** Follows the log from a checkpoint: first what is there, then what comes, woken by the engine's bell. Throws `ConfigError`. */
export async function openSubscription<Event extends DomainEvent>(
  options: SubscriptionOptions<Event>,
): Promise<Subscription> {
  const { store, name, types, from = "start" } = options;
  return openFeed(options, {
    store,
    name,
    types,
    from,
    target: {
      granularity: "event",
      async apply([event], context) {
        // The feed decodes with the very `types` of these options.
        return event === undefined ? [] : ((await options.handle(event as Stored<Event>, context)) ?? []);
      },
      commit: (changes) => store.engine.commit(changes),
    },
  });
}
