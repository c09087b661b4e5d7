import { gate, linkSignals } from "../abort/mod.ts";
import type { AnyContract, FeedEvent, FeedPage, FeedRequest } from "../contract/mod.ts";
import type { Engine, RecordedEvent } from "../engine/mod.ts";
import { eventLogName } from "./event-log.ts";

/** Reads the events of a contract from its service's engine, and waits for new ones. */
export type EventFeed = (request: FeedRequest) => Promise<FeedPage>;

// The bell is lossy by contract.
const lookAgainMs = 1_000;

/** The feed of a contract. A page is empty only when all that came was not wanted, the log ends before what was asked for, `waitMs` have passed or
 *  the signal was aborted. */
export function eventFeed(contract: AnyContract, engine: Engine): EventFeed {
  const log = eventLogName(contract);
  return async ({ after, limit, names: types, waitMs, signal }) => {
    const { clock } = engine;
    const untilMs = clock.monotonic() + waitMs;
    while (true) {
      using bell = ringing(engine, log, signal);
      const { events, through, head } = await engine.read({ log, after, limit, types });
      const restMs = untilMs - clock.monotonic();
      if (through > after || head < after || restMs <= 0 || signal.aborted)
        return { events: events.map(feedEvent), through, head };
      await bell.rung(Math.min(restMs, lookAgainMs));
    }
  };
}

function feedEvent({ position, type, stream, data, recordedAtMs }: RecordedEvent): FeedEvent {
  return { position, name: type, key: stream, data: JSON.parse(data) as unknown, recordedAtMs };
}

/** Listens before the log is read, so that what is appended meanwhile is not slept over. */
function ringing(
  engine: Engine,
  log: string,
  signal: AbortSignal,
): Disposable & { rung(withinMs: number): Promise<void> } {
  const rang = gate();
  const bell = engine.bell([`log:${log}`], () => rang.open());
  return {
    async rung(withinMs) {
      using ended = linkSignals([signal]);
      const timer = engine.clock.setTimer(withinMs, () => rang.open());
      const onAbort = (): void => rang.open();
      ended.signal.addEventListener("abort", onAbort, { once: true });
      await rang.promise;
      timer.cancel();
    },
    [Symbol.dispose]: () => bell[Symbol.dispose](),
  };
}
