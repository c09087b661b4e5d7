import assert from "node:assert/strict";
import { openEventStore } from "../mod.ts";
import { counter } from "./counter.ts";
import type { EventsBed, EventsRule } from "./rule.ts";

/** Deciding and recording. */
export const commandRules: readonly EventsRule[] = [
  { name: "scenario 15: 64 commands on one stream all succeed, each on the state the one before left", run: hotStream },
  { name: "two processes never take more than there is, whatever they have cached", run: twoStores, time: "flows" },
  {
    name: "a repeated command id is answered with the first result, from another process too",
    run: repeats,
    time: "flows",
  },
  { name: "several commands are recorded together or not at all", run: together },
  { name: "a snapshot spares the events behind it and a wrong schema is ignored", run: snapshots },
  { name: "the state as of a version or a time leaves out what came later", run: timeTravel },
];

async function hotStream({ engine }: EventsBed): Promise<void> {
  // One attempt each: whoever had to decide again would fail.
  const store = await openEventStore({ engine, conflictsMax: 1 });
  const results = await Promise.all(Array.from({ length: 64 }, () => store.execute(counter, "a", { add: 1 })));
  const versions = results.map((result) => (result.status === "rejected" ? 0 : result.version));
  // Whose state is read first over several connections is first.
  assert.deepEqual(
    versions.toSorted((left, right) => left - right),
    Array.from({ length: 64 }, (_, index) => index + 1),
  );
  assert.deepEqual(await store.load(counter, "a"), { version: 64, state: 64 });
}

async function twoStores({ store, another }: EventsBed): Promise<void> {
  const other = await openEventStore({ engine: await another() });
  await store.execute(counter, "a", { add: 10 });
  const take = (index: number) => (index % 2 === 0 ? store : other).execute(counter, "a", { add: -1 });
  const results = await Promise.all(Array.from({ length: 30 }, (_, index) => take(index)));
  assert.equal(results.filter(({ status }) => status === "accepted").length, 10);
  assert.equal((await other.load(counter, "a")).state, 0);
}

async function repeats({ store, another }: EventsBed): Promise<void> {
  const other = await openEventStore({ engine: await another() });
  await store.execute(counter, "a", { add: 5 }, { commandId: "give" });
  const first = await store.execute(counter, "a", { add: -5 }, { commandId: "take" });
  // The rules would refuse it now: there is nothing left to take.
  assert.deepEqual(await other.execute(counter, "a", { add: -5 }, { commandId: "take" }), {
    ...first,
    status: "repeated",
  });
  assert.equal((await store.load(counter, "a")).version, 2);
}

async function together({ store }: EventsBed): Promise<void> {
  await store.execute(counter, "a", { add: 5 });
  const move = (amount: number) => [
    { decider: counter, id: "a", command: { add: -amount } },
    { decider: counter, id: "b", command: { add: amount } },
  ];
  const refused = await store.executeAll(move(6));
  assert.deepEqual(refused, { status: "rejected", rejections: [{ index: 0, rejection: "too little" }] });
  assert.equal((await store.load(counter, "b")).version, 0);
  assert.equal((await store.executeAll(move(5), { commandId: "m" })).status, "accepted");
  assert.equal((await store.executeAll(move(5), { commandId: "m" })).status, "repeated");
  assert.equal((await store.load(counter, "b")).state, 5);
}

async function snapshots({ engine }: EventsBed): Promise<void> {
  const store = await openEventStore({ engine, cacheStreams: 0 });
  const snapping = { ...counter, snapshot: { everyEvents: 10, schema: 1 } };
  for (let count = 0; count < 25; count++) await store.execute(snapping, "a", { add: 1 });
  const cell = { space: "snapshot/main", key: "counter/a" };
  assert.equal((await engine.get([cell]))[0]?.value, "20:1:20");
  assert.deepEqual(await store.verifySnapshots(snapping), []);
  await engine.commit([{ op: "put", cell, expect: "any", value: "20:1:1000" }]);
  assert.equal((await store.load(snapping, "a")).state, 1_005);
  assert.deepEqual(await store.verifySnapshots(snapping), ["counter/a"]);
  assert.equal((await store.load({ ...counter, snapshot: { everyEvents: 10, schema: 2 } }, "a")).state, 25);
}

async function timeTravel({ store, clock }: EventsBed): Promise<void> {
  await store.execute(counter, "a", { add: 1 });
  const atMs = clock.now();
  await clock.advance(1_000);
  await store.execute(counter, "a", { add: 1 });
  assert.deepEqual(await store.load(counter, "a", { atMs }), { version: 1, state: 1 });
  assert.deepEqual(await store.load(counter, "a", { version: 1 }), { version: 1, state: 1 });
  assert.deepEqual(await store.load(counter, "a", { atMs: clock.now() }), { version: 2, state: 2 });
}
