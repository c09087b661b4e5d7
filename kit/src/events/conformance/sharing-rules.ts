import assert from "node:assert/strict";
import { openEventStore, openSubscription, type Stored, type Subscription } from "../mod.ts";
import { appendTo, place, until } from "./counter.ts";
import type { EventsBed, EventsRule } from "./rule.ts";

const streams = Array.from({ length: 40 }, (_, index) => `s${index}`);

/** Several processes on one subscription. */
export const sharingRules: readonly EventsRule[] = [
  { name: "two processes share the partitions and together see every event once", run: shares, time: "flows" },
  { name: "the partitions of a process that is gone pass on after the lease", run: takesOver, time: "flows" },
  {
    name: "a peer's defect: of two processes that hold one partition only one can move its checkpoint",
    run: fenced,
    time: "flows",
  },
  {
    name: "a process that waits for one partition to be given up keeps the leases of the others",
    run: givesUpSlowly,
    time: "flows",
  },
  {
    name: "a process that closes keeps its lease until the event in hand is handled",
    run: closesSlowly,
    time: "flows",
  },
];

async function member({ another }: EventsBed, seen: string[]): Promise<Subscription> {
  const store = await openEventStore({ engine: await another() });
  return openSubscription({
    store,
    name: "s",
    partitions: 4,
    leaseMs: 3_000,
    handle: (event) => void seen.push(place(event)),
  });
}

async function held(subscription: Subscription): Promise<number> {
  return (await subscription.status()).partitions.filter(({ state }) => state !== "elsewhere").length;
}

async function shares(bed: EventsBed): Promise<void> {
  const seen: [string[], string[]] = [[], []];
  await using first = await member(bed, seen[0]);
  await using second = await member(bed, seen[1]);
  await bed.clock.advance(3_000);
  assert.deepEqual([await held(first), await held(second)], [2, 2]);
  await appendTo(bed.store, ...streams, ...streams);
  await until(() => seen[0].length + seen[1].length >= 80, { settle: () => bed.clock.advance(100) });
  assert(seen[0].length > 0 && seen[1].length > 0);
  const expected = streams.flatMap((stream) => [`${stream}@1`, `${stream}@2`]);
  assert.deepEqual([...seen[0], ...seen[1]].toSorted(), expected.toSorted());
}

async function takesOver(bed: EventsBed): Promise<void> {
  const cells = { space: "subscription-lease/main/s", owner: "a process that is gone" };
  const leases = Array.from({ length: 4 }, (_, partition) => ({
    op: "put" as const,
    cell: { space: cells.space, key: String(partition) },
    expect: "absent" as const,
    value: cells.owner,
    expiresInMs: 2_700,
  }));
  await bed.engine.commit(leases);
  const seen: string[] = [];
  await using subscription = await member(bed, seen);
  await appendTo(bed.store, ...streams);
  await bed.clock.advance(1_500);
  assert.deepEqual([await held(subscription), seen.length], [0, 0]);
  await bed.clock.advance(2_500);
  await subscription.caughtUp();
  assert.equal(seen.length, 40);
}

async function fenced(bed: EventsBed): Promise<void> {
  const gate = Promise.withResolvers<void>();
  const started = Promise.withResolvers<void>();
  const open = async (handle: (event: Stored) => void | Promise<void>): Promise<Subscription> =>
    openSubscription({
      store: await openEventStore({ engine: await bed.another() }),
      name: "s",
      leaseMs: 3_000,
      handle: async (event) => {
        await handle(event);
        return [{ op: "enqueue", queue: "out", messages: [{ body: place(event) }] }];
      },
    });
  await appendTo(bed.store, "a", "a");
  await using slow = await open(async () => {
    started.resolve();
    await gate.promise;
  });
  await started.promise;
  // The lease is lost without the holder knowing, as after a long pause of its process.
  await bed.engine.commit([
    { op: "put", cell: { space: "subscription-lease/main/s", key: "0" }, expect: "any", value: undefined },
  ]);
  await using quick = await open(() => undefined);
  await quick.caughtUp();
  gate.resolve();
  await bed.clock.advance(2_000);
  await slow.status();
  const messages = await Array.fromAsync(bed.engine.scan({ kind: "messages", queue: "out" }));
  assert.deepEqual(
    messages.map(({ body }) => body),
    ["a@1", "a@2"],
  );
}

interface Handled {
  readonly places: string[];
  /** Streams that were handled twice at the same time. */
  readonly overlaps: string[];
  readonly handle: (event: Stored) => Promise<void>;
  readonly open: () => void;
}

/** Handlers of two processes that stand still until they are let go on. */
function standing(): Handled {
  const gate = Promise.withResolvers<void>();
  const active = new Set<string>();
  const places: string[] = [];
  const overlaps: string[] = [];
  const handle = async (event: Stored): Promise<void> => {
    if (active.has(event.stream)) overlaps.push(place(event));
    active.add(event.stream);
    places.push(place(event));
    await gate.promise;
    active.delete(event.stream);
  };
  return { places, overlaps, handle, open: () => gate.resolve() };
}

async function follower(bed: EventsBed, partitions: number, { handle }: Handled): Promise<Subscription> {
  const store = await openEventStore({ engine: await bed.another() });
  return openSubscription({ store, name: "s", partitions, leaseMs: 3_000, handle });
}

async function givesUpSlowly(bed: EventsBed): Promise<void> {
  const handled = standing();
  await using first = await follower(bed, 4, handled);
  await appendTo(bed.store, ...streams);
  await until(() => handled.places.length === 4, { settle: () => bed.clock.advance(10) });
  await using second = await follower(bed, 4, handled);
  await bed.clock.advance(12_000);
  assert.deepEqual([handled.places.length, handled.overlaps, await held(first), await held(second)], [4, [], 4, 0]);
  handled.open();
  await until(() => handled.places.length >= 40, { settle: () => bed.clock.advance(100) });
  await bed.clock.advance(3_000);
  assert.deepEqual([handled.overlaps, await held(first), await held(second)], [[], 2, 2]);
  assert.deepEqual(handled.places.toSorted(), streams.map((stream) => `${stream}@1`).toSorted());
}

async function closesSlowly(bed: EventsBed): Promise<void> {
  const handled = standing();
  const first = await follower(bed, 1, handled);
  await using _second = await follower(bed, 1, handled);
  await appendTo(bed.store, "a", "a");
  await until(() => handled.places.length === 1, { settle: () => bed.clock.advance(10) });
  const closed = first[Symbol.asyncDispose]();
  await bed.clock.advance(12_000);
  assert.deepEqual([handled.places, handled.overlaps], [["a@1"], []]);
  handled.open();
  await closed;
  await until(() => handled.places.length === 2, { settle: () => bed.clock.advance(100) });
  assert.deepEqual([handled.places, handled.overlaps], [["a@1", "a@2"], []]);
}
