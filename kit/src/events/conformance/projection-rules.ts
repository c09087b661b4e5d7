import assert from "node:assert/strict";
import {
  activeView,
  cellView,
  openEventStore,
  openProjection,
  type Projection,
  projection,
  retireProjection,
  viewReader,
} from "../mod.ts";
import { added, appendTo, counter, type CounterEvent, counterEvents, signed, until } from "./counter.ts";
import type { EventsBed, EventsRule } from "./rule.ts";

/** Views. */
export const projectionRules: readonly EventsRule[] = [
  { name: "a projection applies every event exactly once, also when its writes meet conflicts", run: exactlyOnce },
  { name: "a row that somebody else changed meanwhile is folded anew", run: conflicts },
  { name: "a batch with a poison event is applied event by event, and only the poisoned stream parks", run: poison },
  { name: "a new version is built beside the old one and takes over in one commit", run: rebuild },
  { name: "readers are not switched before the new version has caught up", run: waits },
  { name: "a retired version leaves nothing behind and does not come back", run: retire },
  { name: "a version that was retired before its first checkpoint writes nothing more", run: retiredEarly },
  { name: "an inline projection is never behind", run: inline },
];

type Totals = Projection<CounterEvent>;

function totals(version: number, factor = 1): Totals {
  return projection<CounterEvent>({
    name: "totals",
    version,
    types: counterEvents,
    apply: cellView<CounterEvent, number>({
      key: ({ stream }) => stream,
      initial: () => 0,
      fold: (total, event) => {
        if (event.data.amount === 13) throw new Error("unlucky");
        return total + factor * signed(event);
      },
    }),
  });
}

async function exactlyOnce({ store, engine, clock }: EventsBed): Promise<void> {
  await using running = await openProjection({ store, projection: totals(1), batchMax: 5 });
  // Somebody else writes the same row now and then, so that the projection has to read it anew.
  const meddling = (async () => {
    for (let round = 0; round < 10; round++) {
      const [cell] = await engine.get([{ space: "totals@1", key: "a" }]);
      if (cell !== undefined) await engine.commit([{ op: "put", cell, expect: cell.version, value: cell.value }]);
    }
  })();
  await Promise.all(Array.from({ length: 60 }, (_, index) => appendTo(store, index % 2 === 0 ? "a" : "b")));
  await meddling;
  const done = running.caughtUp();
  await clock.advance(1_000);
  await done;
  const reader = viewReader<number>(store, "totals");
  assert.deepEqual(await Array.fromAsync(reader.list()), [
    ["a", 30],
    ["b", 30],
  ]);
  assert.equal(await reader.get("c"), undefined);
}

async function conflicts({ store, engine }: EventsBed): Promise<void> {
  const base = totals(1);
  let meddled = 0;
  const projection: Totals = {
    ...base,
    async apply(events, context) {
      const changes = (await base.apply?.(events, context)) ?? [];
      const cell = { space: context.view, key: "a" };
      // Another partition adds to the same row between the reading and the writing of this one.
      if (meddled++ === 0) await engine.commit([{ op: "put", cell, expect: "any", value: "100" }]);
      return changes;
    },
  };
  await appendTo(store, "a", "a");
  await using running = await openProjection({ store, projection });
  await running.caughtUp();
  assert.equal(await viewReader<number>(store, "totals").get("a"), 103);
}

async function poison({ store, clock }: EventsBed): Promise<void> {
  for (const [stream, amount] of [
    ["a", 1],
    ["b", 13],
    ["a", 2],
    ["b", 1],
  ] as const)
    await store.append(stream, [added(amount)], { expected: "any", types: counterEvents });
  await using running = await openProjection({ store, projection: totals(1), attemptsMax: 1 });
  await running.caughtUp();
  await clock.settle();
  assert.deepEqual(await Array.fromAsync(viewReader<number>(store, "totals").list()), [["a", 3]]);
  const parked = await Array.fromAsync(running.parked.list());
  assert.deepEqual(
    parked.map(({ stream, version }) => [stream, version]),
    [["b", 1]],
  );
  await appendTo(store, "b");
  await running.caughtUp();
  assert.equal(await viewReader<number>(store, "totals").get("b"), undefined);
  await running.parked.skip("b");
  const reader = viewReader<number>(store, "totals");
  let total: number | undefined;
  await until(() => total === 2, { settle: async () => void (await clock.settle(), (total = await reader.get("b"))) });
}

async function rebuild({ store }: EventsBed): Promise<void> {
  await appendTo(store, "a", "a");
  const reader = viewReader<number>(store, "totals");
  await using old = await openProjection({ store, projection: totals(1) });
  await old.caughtUp();
  await using rebuilt = await openProjection({ store, projection: totals(2, 10), batchMax: 1 });
  assert.equal(await reader.get("a"), 3);
  assert.equal(await rebuilt.activate(), "activated");
  assert.equal(await reader.get("a"), 30);
  assert.equal(await rebuilt.activate(), "active already");
  await appendTo(store, "a");
  await old.activate();
  assert.equal(await reader.get("a"), 4);
}

async function waits({ store, clock }: EventsBed): Promise<void> {
  await appendTo(store, "a", "a");
  await using old = await openProjection({ store, projection: totals(1) });
  await old.caughtUp();
  const gate = Promise.withResolvers<void>();
  const base = totals(2, 10);
  const slow: Totals = {
    ...base,
    apply: async (events, context) => (await gate.promise, (await base.apply?.(events, context)) ?? []),
  };
  await using rebuilt = await openProjection({ store, projection: slow });
  const activated = rebuilt.activate();
  await clock.settle();
  assert.equal(await activeView(store, "totals"), "totals@1");
  gate.resolve();
  assert.equal(await activated, "activated");
  assert.equal(await viewReader<number>(store, "totals").get("a"), 30);
}

async function retire({ store, engine, clock }: EventsBed): Promise<void> {
  await appendTo(store, "a", "a");
  await using old = await openProjection({ store, projection: totals(1) });
  await old.caughtUp();
  await using rebuilt = await openProjection({ store, projection: totals(2, 10) });
  assert.equal(await retireProjection({ store, projection: totals(1) }), "active");
  await rebuilt.activate();
  assert.equal(await retireProjection({ store, projection: totals(1) }), "retired");
  await appendTo(store, "a");
  await clock.advance(30_000);
  for (const space of ["totals@1", "checkpoint/main/totals@1", "parked/main/totals@1"])
    assert.deepEqual(await Array.fromAsync(engine.scan({ kind: "cells", space })), [], space);
  assert.equal((await old.status()).partitions[0]?.state, "failed");
  await assert.rejects(openProjection({ store, projection: totals(1) }), { code: "CONFIG" });
}

async function retiredEarly({ store, engine, clock }: EventsBed): Promise<void> {
  await using _old = await openProjection({ store, projection: totals(1) });
  await using rebuilt = await openProjection({ store, projection: totals(2, 10) });
  await rebuilt.activate();
  assert.equal(await retireProjection({ store, projection: totals(1) }), "retired");
  await appendTo(store, "a", "b");
  await rebuilt.caughtUp();
  await clock.advance(30_000);
  for (const space of ["totals@1", "checkpoint/main/totals@1"])
    assert.deepEqual(await Array.fromAsync(engine.scan({ kind: "cells", space })), [], space);
}

async function inline({ engine }: EventsBed): Promise<void> {
  const store = await openEventStore({
    engine,
    inline: [
      (events) =>
        events.map(({ stream, version }) => ({
          op: "put",
          cell: { space: "last", key: `${stream}@${version}` },
          expect: "absent",
          value: "x",
        })),
    ],
  });
  const any = () => store.append("b", [added(1)], { expected: "any" });
  await Promise.all([
    store.execute(counter, "a", { add: 1 }),
    store.execute(counter, "a", { add: 1 }),
    ...Array.from({ length: 8 }, any),
  ]);
  assert.deepEqual(await store.append("c", [added(1)], { expected: "existing" }), {
    status: "conflict",
    expected: "existing",
    actual: 0,
  });
  const cells = await Array.fromAsync(engine.scan({ kind: "cells", space: "last" }));
  const places = Array.from({ length: 8 }, (_, index) => `b@${index + 1}`);
  assert.deepEqual(
    cells.map(({ key }) => key),
    [...places, "counter/a@1", "counter/a@2"],
  );
}
