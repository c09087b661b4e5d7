import { type DomainEvent, type EventStore, type EventTypes, openSubscription, type Stored } from "../events/mod.ts";
import type { FeedOptions, Subscription } from "../events/mod.ts";
import { integerIn, isRetryable } from "../errors/mod.ts";
import { type Random, systemRandom } from "../random/mod.ts";
import type { OutgoingEvent, Publisher } from "./publisher.ts";

/** What to publish, where to, and how fast to come again. */
export interface RelayOptions<Event extends DomainEvent = DomainEvent> extends Omit<
  FeedOptions,
  "retryMs" | "attemptsMax"
> {
  readonly store: EventStore;
  /** Names the checkpoint: the same name continues where it stopped, in any process. */
  readonly name: string;
  readonly publisher: Publisher;
  /** Decodes, brings to the present version and selects the types it lists. Without it all events go out as they are stored. */
  readonly types?: EventTypes<Event> | undefined;
  /** Where a new relay begins. Default "start". */
  readonly from?: "start" | "end" | number | undefined;
  /** Longest pause before the same event is tried again, in milliseconds; the first is 50 ms, doubled each time. 50 to 600,000, default 5,000. */
  readonly retryMaxMs?: number | undefined;
}

const firstPauseMs = 50;

/**
 * Publishes every event of a log: at least once, those of one stream in order, with the checkpoint in the engine that holds the log. While the broker
 * cannot take it, an event is tried again for as long as it takes, and those behind it wait in the log; one that the broker refuses for good parks
 * its stream. `status()` and `parked` are those of a subscription. Throws ConfigError.
 */
export async function openRelay<Event extends DomainEvent>(options: RelayOptions<Event>): Promise<Subscription> {
  const { store, publisher, retryMaxMs: asked = 5_000, random = systemRandom, ...feed } = options;
  const retryMaxMs = integerIn("retryMaxMs", asked, { min: firstPauseMs, max: 600_000 });
  const pauses: Pauses = { store, random, retryMaxMs };
  return openSubscription<Event>({
    ...feed,
    store,
    random,
    // What may pass is waited out here; what comes through is final.
    attemptsMax: 1,
    handle: async (event, { signal }) => publishUntilHeld(publisher, outgoing(store.log, event), { ...pauses, signal }),
  });
}

interface Pauses {
  readonly store: EventStore;
  readonly random: Random;
  readonly retryMaxMs: number;
}

async function publishUntilHeld(
  publisher: Publisher,
  event: OutgoingEvent,
  { store, random, retryMaxMs, signal }: Pauses & { readonly signal: AbortSignal },
): Promise<void> {
  for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(retryMaxMs, pauseMs * 2)) {
    signal.throwIfAborted();
    try {
      return await publisher.publish(event, { signal });
    } catch (error) {
      if (!isRetryable(error) && !signal.aborted) throw error;
    }
    await store.engine.clock.sleep(pauseMs * (0.5 + random.next() / 2), { signal });
  }
}

function outgoing(log: string, event: Stored): OutgoingEvent {
  const { stream, version, position, type, data, meta, recordedAtMs } = event;
  return {
    id: `${log}@${position}`,
    log,
    stream,
    version,
    position,
    type,
    data: JSON.stringify(data),
    meta: meta === undefined ? undefined : JSON.stringify(meta),
    recordedAtMs,
  };
}
