import { ConfigError, integerIn, textOf } from "../errors/mod.ts";
import { idSource, systemRandom } from "../random/mod.ts";
import type { Random } from "../random/mod.ts";
import type { DomainEvent } from "./domain-event.ts";
import type { EventStore } from "./event-store.ts";
import type { EventTypes } from "./event-types.ts";
import type { Feed, FeedTarget } from "./feed.ts";
import { FeedSubscription } from "./feed-subscription.ts";
import { type FeedDefinition, readDefinition } from "./feed-definition.ts";
import { LogStore } from "./log-store.ts";
import { subscriptionCells } from "./subscription-cells.ts";

/** Options that subscriptions and projections share. */
export interface FeedOptions {
  readonly streamPrefix?: string | undefined;
  /** Sets of streams that run side by side, and in several processes; 1 to 1024, fixed at the first opening. Default 1. */
  readonly partitions?: number | undefined;
  /** Most events read at once, 1 to 10,000. Default 256. */
  readonly batchMax?: number | undefined;
  /** How long a partition stays with a process that is gone, in milliseconds; 100 or more. Default 10,000. */
  readonly leaseMs?: number | undefined;
  /** How often to look without a bell, in milliseconds. Default 1,000. */
  readonly pollMs?: number | undefined;
  /** Attempts at one event before its stream is parked, 1 or more. An error that is not retryable parks at once. Default 3. */
  readonly attemptsMax?: number | undefined;
  /** First pause between attempts, in milliseconds; doubles up to `leaseMs`. Default 100. */
  readonly retryMs?: number | undefined;
  /** Most parked streams of a partition; at one more it stops as `failed`. Default 1,000. */
  readonly parkedMax?: number | undefined;
  /** Draws the name of this process among the holders, and the pauses of partitions that write the same rows. */
  readonly random?: Random | undefined;
}

interface FeedPlace {
  readonly store: EventStore;
  readonly name: string;
  readonly types: EventTypes<DomainEvent> | undefined;
  readonly from: "start" | "end" | number;
  readonly target: FeedTarget;
  readonly onClose?: () => void;
}

/** Opens and starts a feed. */
export async function openFeed(options: FeedOptions, place: FeedPlace): Promise<FeedSubscription> {
  const feed = resolveFeed(options, place);
  const startPosition = await define(feed, place.from);
  const owner = idSource({ clock: feed.context.engine.clock, random: feed.random })();
  const { onClose } = place;
  const subscription = new FeedSubscription(
    feed,
    onClose === undefined ? { owner, startPosition } : { owner, startPosition, onClose },
  );
  await subscription.start();
  return subscription;
}

function resolveFeed(options: FeedOptions, { store, name, types, target }: FeedPlace): Feed {
  if (!(store instanceof LogStore)) throw new ConfigError("store", store, "what openEventStore() returned");
  return {
    name: textOf("name", name, { lengthMax: 200 }),
    context: store.context,
    cells: subscriptionCells(store.log, name),
    target,
    types,
    streamPrefix: options.streamPrefix,
    partitions: integerIn("partitions", options.partitions ?? 1, { min: 1, max: 1_024 }),
    batchMax: integerIn("batchMax", options.batchMax ?? 256, { min: 1, max: 10_000 }),
    leaseMs: integerIn("leaseMs", options.leaseMs ?? 10_000, { min: 100 }),
    pollMs: integerIn("pollMs", options.pollMs ?? 1_000, { min: 1 }),
    attemptsMax: integerIn("attemptsMax", options.attemptsMax ?? 3, { min: 1 }),
    retryMs: integerIn("retryMs", options.retryMs ?? 100, { min: 0 }),
    parkedMax: integerIn("parkedMax", options.parkedMax ?? 1_000, { min: 1, max: 100_000 }),
    random: options.random ?? systemRandom,
  };
}

/** Agrees with all other processes on partitions and start: the first one decides. */
async function define(feed: Feed, from: FeedPlace["from"]): Promise<number> {
  const { engine, log } = feed.context;
  const cell = feed.cells.definition;
  const { head } = await engine.read({ log, after: 0, limit: 1 });
  const startPosition = from === "start" ? 0 : from === "end" ? head : integerIn("from", from, { min: 0 });
  const wanted: FeedDefinition = { partitions: feed.partitions, startPosition };
  const put = { op: "put", cell, expect: "absent", value: JSON.stringify(wanted) } as const;
  if ((await engine.commit([put])).committed) return startPosition;
  const agreed = await readDefinition(feed);
  if (agreed === "retired") throw new ConfigError("version", feed.name, "a version that was not retired");
  // Other partitions mean other checkpoints: events would be skipped or repeated.
  if (agreed.partitions !== feed.partitions)
    throw new ConfigError(
      "partitions",
      feed.partitions,
      `${agreed.partitions}, as "${feed.name}" was opened with at first`,
    );
  return agreed.startPosition;
}
