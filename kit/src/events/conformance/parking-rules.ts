import assert from "node:assert/strict";
import type { Change } from "../../engine/mod.ts";
import { seededRandom } from "../../random/mod.ts";
import {
  cellView,
  openProjection,
  openSubscription,
  projection,
  type Stored,
  type Subscription,
  viewReader,
} from "../mod.ts";
import { added, appendTo, place, until } from "./counter.ts";
import type { EventsBed, EventsRule } from "./rule.ts";

/** Events that cannot be handled. */
export const parkingRules: readonly EventsRule[] = [
  {
    name: "scenario 18: a poison event parks its stream with its later events, others advance, a redrive resumes in order",
    run: poison,
  },
  { name: "events that arrive during a redrive are handled once, after it", run: once },
  { name: "a redrive is fenced by the checkpoint like the feed", run: fenced },
  { name: "a redrive that fails parks the stream again, at the event that failed", run: fails },
  { name: "a skipped event is given up and the ones behind it follow in order", run: skips },
  { name: "an event that cannot be decoded parks its stream like one that cannot be handled", run: undecodable },
  { name: "an error that no retry can cure parks at once", run: hopeless },
  {
    name: "with too many streams parked the partition stops and says so, and goes on once there is room",
    run: bounded,
  },
  { name: "parked streams stay parked when another process goes on", run: survives },
  { name: "partitions that write one row park nothing, however often they meet", run: contended, time: "flows" },
  { name: "a redrive that meets a conflict handles the event again", run: contendedRedrive },
  { name: "a precondition that is wrong though nobody changes anything parks its stream", run: neverTrue },
];

interface Poisoned {
  readonly seen: string[];
  readonly poison: Set<string>;
  readonly open: (options?: { readonly parkedMax?: number }) => Promise<Subscription>;
}

function poisoned({ store }: EventsBed, ...places: readonly string[]): Poisoned {
  const seen: string[] = [];
  const poison = new Set(places);
  const handle = (event: Stored): void => {
    if (poison.has(place(event))) throw new Error(`poison ${place(event)}`);
    seen.push(place(event));
  };
  return {
    seen,
    poison,
    open: (options) => openSubscription({ store, name: "s", attemptsMax: 2, retryMs: 0, handle, ...options }),
  };
}

/** Lets pauses between attempts pass, and waits for the end of the log. */
async function drained({ clock }: EventsBed, subscription: Subscription): Promise<void> {
  const done = subscription.caughtUp();
  for (let step = 0; step < 20; step++) await clock.advance(1);
  await done;
}

async function parkedPlaces(subscription: Subscription): Promise<readonly string[]> {
  return (await Array.fromAsync(subscription.parked.list())).map(place);
}

async function poison(bed: EventsBed): Promise<void> {
  await appendTo(bed.store, "a", "b", "a", "b", "a");
  const { seen, poison: poisons, open } = poisoned(bed, "a@2");
  await using subscription = await open();
  await drained(bed, subscription);
  await appendTo(bed.store, "a", "b");
  await drained(bed, subscription);
  assert.deepEqual(seen, ["a@1", "b@1", "b@2", "b@3"]);
  const [parked] = await Array.fromAsync(subscription.parked.list());
  assert.deepEqual(
    [parked?.stream, parked?.version, parked?.attempts, parked?.failure.message],
    ["a", 2, 2, "poison a@2"],
  );
  assert.equal((await subscription.status()).parkedStreams, 1);
  poisons.clear();
  assert.equal(await subscription.parked.redrive(), 1);
  await until(() => seen.length === 7, bed.clock);
  assert.deepEqual(seen.slice(4), ["a@2", "a@3", "a@4"]);
  await appendTo(bed.store, "a");
  await drained(bed, subscription);
  assert.equal(seen.at(-1), "a@5");
  assert.deepEqual(await parkedPlaces(subscription), []);
}

async function once(bed: EventsBed): Promise<void> {
  await appendTo(bed.store, "a", "a");
  const { seen, poison: poisons, open } = poisoned(bed, "a@1");
  await using subscription = await open();
  await drained(bed, subscription);
  poisons.clear();
  const [cell] = await Array.fromAsync(bed.engine.scan({ kind: "cells", space: "parked/main/s" }));
  assert(cell !== undefined);
  const value = cell.value.replace('"waiting"', '"requested"');
  // The wish and a further event become visible together: the redrive must leave the event to the feed.
  const append = bed.store.change("a", [added(3)], { expected: 2 });
  await bed.engine.commit([{ op: "put", cell, expect: cell.version, value }, append]);
  await until(() => seen.length >= 3, bed.clock);
  await drained(bed, subscription);
  assert.deepEqual(seen, ["a@1", "a@2", "a@3"]);
}

async function fenced(bed: EventsBed): Promise<void> {
  await appendTo(bed.store, "a");
  const calls: string[] = [];
  const gate = Promise.withResolvers<void>();
  const handle = async ({ stream, version }: Stored): Promise<readonly Change[]> => {
    calls.push(place({ stream, version }));
    if (calls.length === 1) throw new Error("poison");
    if (calls.length === 2) await gate.promise;
    return [{ op: "enqueue", queue: "out", messages: [{ body: "sent" }] }];
  };
  await using subscription = await openSubscription({ store: bed.store, name: "s", attemptsMax: 1, handle });
  await drained(bed, subscription);
  await subscription.parked.redrive();
  await until(() => calls.length === 2, bed.clock);
  // Another process took the partition over and came as far as this one.
  await bed.engine.commit([{ op: "put", cell: { space: "checkpoint/main/s", key: "0" }, expect: "any", value: "1" }]);
  gate.resolve();
  await bed.clock.advance(20_000);
  assert.equal(calls.length, 3);
  assert.equal((await Array.fromAsync(bed.engine.scan({ kind: "messages", queue: "out" }))).length, 1);
}

async function fails(bed: EventsBed): Promise<void> {
  await appendTo(bed.store, "a", "a", "a");
  const { seen, poison, open } = poisoned(bed, "a@1", "a@2");
  await using subscription = await open();
  await drained(bed, subscription);
  poison.delete("a@1");
  await subscription.parked.redrive(["a"]);
  await bed.clock.settle();
  assert.deepEqual([seen, await parkedPlaces(subscription)], [["a@1"], ["a@2"]]);
}

async function skips(bed: EventsBed): Promise<void> {
  await appendTo(bed.store, "a", "a", "a");
  const { seen, open } = poisoned(bed, "a@1");
  await using subscription = await open();
  await drained(bed, subscription);
  assert.equal(await subscription.parked.skip("a"), "asked");
  assert.equal(await subscription.parked.skip("b"), "not parked");
  await until(() => seen.length === 2, bed.clock);
  assert.deepEqual([seen, await parkedPlaces(subscription)], [["a@2", "a@3"], []]);
}

async function undecodable(bed: EventsBed): Promise<void> {
  await bed.engine.commit([
    { op: "append", log: "main", stream: "a", expected: "any", events: [{ type: "Added", data: "{broken" }] },
  ]);
  await appendTo(bed.store, "b");
  const { seen, open } = poisoned(bed);
  await using subscription = await open();
  await drained(bed, subscription);
  assert.deepEqual([seen, await parkedPlaces(subscription)], [["b@1"], ["a@1"]]);
}

async function hopeless({ store, clock }: EventsBed): Promise<void> {
  await appendTo(store, "a");
  let attempts = 0;
  const handle = (): void => {
    attempts++;
    throw Object.assign(new Error("no use"), { retryable: false });
  };
  await using subscription = await openSubscription({ store, name: "s", attemptsMax: 9, handle });
  await drained({ store, clock } as EventsBed, subscription);
  assert(attempts >= 1);
  assert.deepEqual(await parkedPlaces(subscription), ["a@1"]);
}

async function bounded(bed: EventsBed): Promise<void> {
  await appendTo(bed.store, "a", "b", "c");
  const { seen, poison, open } = poisoned(bed, "a@1", "b@1");
  await using subscription = await open({ parkedMax: 1 });
  await bed.clock.advance(10);
  const [partition] = (await subscription.status()).partitions;
  assert.deepEqual([partition?.state, partition?.failure?.code, seen], ["failed", "PARKED_FULL", []]);
  poison.clear();
  await bed.clock.advance(20_000);
  await drained(bed, subscription);
  assert.deepEqual(seen, ["b@1", "c@1"]);
}

async function survives(bed: EventsBed): Promise<void> {
  await appendTo(bed.store, "a", "a");
  const { seen, poison, open } = poisoned(bed, "a@1");
  {
    await using subscription = await open();
    await drained(bed, subscription);
  }
  await appendTo(bed.store, "a", "b");
  await using subscription = await open();
  await drained(bed, subscription);
  assert.deepEqual(seen, ["b@1"]);
  poison.clear();
  await subscription.parked.redrive();
  await until(() => seen.length === 4, bed.clock);
  assert.deepEqual(seen, ["b@1", "a@1", "a@2", "a@3"]);
}

async function contended({ store }: EventsBed): Promise<void> {
  for (let round = 0; round < 4; round++)
    await appendTo(store, ...Array.from({ length: 40 }, (_, index) => `s${index}`));
  const total = projection({
    name: "total",
    version: 1,
    partitions: 8,
    apply: cellView<Stored, number>({ key: () => "total", initial: () => 0, fold: (count) => count + 1 }),
  });
  await using running = await openProjection({
    store,
    projection: total,
    batchMax: 2,
    attemptsMax: 1,
    random: seededRandom("contended"),
  });
  await running.caughtUp();
  assert.equal((await running.status()).parkedStreams, 0);
  assert.equal(await viewReader<number>(store, "total").get("total"), 160);
}

async function contendedRedrive(bed: EventsBed): Promise<void> {
  const { store, engine } = bed;
  await appendTo(store, "a", "a");
  const cell = { space: "row", key: "a" };
  let deliveries = 0;
  await using subscription = await openSubscription({
    store,
    name: "s",
    attemptsMax: 1,
    async handle({ version }, { delivery, get }): Promise<readonly Change[]> {
      if (delivery === "feed") throw new Error("poison");
      const [row] = await get([cell]);
      // Somebody else writes the row between the reading and the commit.
      if (deliveries++ === 0) await engine.commit([{ op: "put", cell, expect: "any", value: "x" }]);
      return [{ op: "put", cell, expect: row?.version ?? "absent", value: `${row?.value ?? ""}${version}` }];
    },
  });
  await drained(bed, subscription);
  await subscription.parked.redrive();
  await until(() => deliveries >= 3, bed.clock);
  await bed.clock.settle();
  assert.deepEqual(await parkedPlaces(subscription), []);
  assert.equal((await engine.get([cell]))[0]?.value, "x12");
}

async function neverTrue(bed: EventsBed): Promise<void> {
  await appendTo(bed.store, "a", "b");
  let attempts = 0;
  await using subscription = await openSubscription({
    store: bed.store,
    name: "s",
    attemptsMax: 2,
    retryMs: 0,
    handle({ stream }): readonly Change[] {
      if (stream === "b") return [];
      attempts++;
      return [{ op: "put", cell: { space: "row", key: "a" }, expect: 12_345, value: "x" }];
    },
  });
  await drained(bed, subscription);
  assert.deepEqual(await parkedPlaces(subscription), ["a@1"]);
  // The first refusal could have been somebody's change; from the second on it is a failed attempt.
  assert.equal(attempts, 3);
}
