import { expect, test } from "vitest";
import { type ManualClock, manualClock } from "../clock/mod.ts";
import { openMemoryEngine } from "../engine/memory/mod.ts";
import { ConfigError, TimeoutError, UnsupportedError } from "../errors/mod.ts";
import { type EventStore, openEventStore } from "../events/mod.ts";
import { memoryPublisher } from "../outbox/memory/mod.ts";
import { openRelay, type OutgoingEvent, type Publisher } from "./mod.ts";

interface Bed extends AsyncDisposable {
  readonly clock: ManualClock;
  readonly store: EventStore;
}

async function openBed(): Promise<Bed> {
  const clock = manualClock();
  const engine = await openMemoryEngine({ clock });
  const store = await openEventStore({ engine, log: "shop" });
  return { clock, store, [Symbol.asyncDispose]: () => engine[Symbol.asyncDispose]() };
}

async function append(store: EventStore, ...streams: readonly string[]): Promise<void> {
  for (const stream of streams)
    await store.append(stream, [{ type: "Added", data: { stream } }], { expected: "any", meta: { by: "test" } });
}

/** A broker that fails as told, with what it was asked. */
function failing(fail: (event: OutgoingEvent, attempt: number) => Error | undefined) {
  const asked: string[] = [];
  const inner = memoryPublisher();
  const publisher: Publisher = {
    name: "failing",
    publish: async (event) => {
      asked.push(event.id);
      const error = fail(event, asked.filter((id) => id === event.id).length);
      if (error !== undefined) throw error;
      await inner.publish(event);
    },
    [Symbol.asyncDispose]: () => inner[Symbol.asyncDispose](),
  };
  return { publisher, asked, held: () => inner.events.map(({ id }) => id) };
}

test("every event goes out once, in order, with its place, its payload and its metadata", async () => {
  await using bed = await openBed();
  const publisher = memoryPublisher();
  await append(bed.store, "a", "b", "a");
  await using relay = await openRelay({ store: bed.store, name: "out", publisher });
  await relay.caughtUp();
  expect(publisher.events.map(({ stream, version }) => `${stream}@${version}`)).toEqual(["a@1", "b@1", "a@2"]);
  expect(publisher.events[2]).toEqual({
    id: "shop@3",
    log: "shop",
    stream: "a",
    version: 2,
    position: 3,
    type: "Added",
    data: '{"stream":"a"}',
    meta: '{"by":"test"}',
    recordedAtMs: bed.clock.now(),
  });
});

test("a relay continues at its checkpoint, and one of another name begins anew", async () => {
  await using bed = await openBed();
  const first = failing(() => undefined);
  for (let round = 0; round < 2; round++) {
    await append(bed.store, "a");
    await using relay = await openRelay({ store: bed.store, name: "out", publisher: first.publisher });
    await relay.caughtUp();
  }
  expect(first.asked).toEqual(["shop@1", "shop@2"]);
  const second = failing(() => undefined);
  await using other = await openRelay({ store: bed.store, name: "other", publisher: second.publisher });
  await other.caughtUp();
  expect(second.asked).toEqual(["shop@1", "shop@2"]);
});

test("while the broker is away an event is tried again and again, nothing parks and nothing overtakes", async () => {
  await using bed = await openBed();
  const { publisher, asked, held } = failing((_, attempt) =>
    attempt <= 12 ? new TimeoutError("publish", 10) : undefined,
  );
  await append(bed.store, "a", "a");
  await using relay = await openRelay({ store: bed.store, name: "out", publisher });
  await bed.clock.advance(2_000);
  expect(held()).toEqual([]);
  await bed.clock.advance(120_000);
  expect(held()).toEqual(["shop@1", "shop@2"]);
  expect(asked.indexOf("shop@2")).toBe(12 + 1);
  expect((await relay.status()).parkedStreams).toBe(0);
});

test("an event that the broker refuses for good parks its stream, others go on, and redrive goes on in order", async () => {
  await using bed = await openBed();
  let isFixed = false;
  const { publisher, held } = failing(({ stream }) =>
    stream === "bad" && !isFixed ? new UnsupportedError("events as large", "the broker", "raise its limit") : undefined,
  );
  await append(bed.store, "bad", "good", "bad");
  await using relay = await openRelay({ store: bed.store, name: "out", publisher });
  await relay.caughtUp();
  expect(held()).toEqual(["shop@2"]);
  isFixed = true;
  expect(await relay.parked.redrive()).toBe(1);
  await bed.clock.advance(10_000);
  expect(held()).toEqual(["shop@2", "shop@1", "shop@3"]);
});

test("a relay that is disposed in a pause publishes no more; the next one takes the event up", async () => {
  await using bed = await openBed();
  const away = failing(() => new TimeoutError("publish", 10));
  await append(bed.store, "a");
  const relay = await openRelay({ store: bed.store, name: "out", publisher: away.publisher });
  await bed.clock.advance(100);
  const attempts = away.asked.length;
  await relay[Symbol.asyncDispose]();
  await bed.clock.advance(60_000);
  expect(away.asked.length).toBe(attempts);
  const back = failing(() => undefined);
  await using again = await openRelay({ store: bed.store, name: "out", publisher: back.publisher });
  await again.caughtUp();
  expect(back.held()).toEqual(["shop@1"]);
});

test("a pause out of range is refused", async () => {
  await using bed = await openBed();
  const options = { store: bed.store, name: "out", publisher: memoryPublisher(), retryMaxMs: 1 };
  await expect(openRelay(options)).rejects.toBeInstanceOf(ConfigError);
});
