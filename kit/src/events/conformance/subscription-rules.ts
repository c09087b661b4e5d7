import assert from "node:assert/strict";
import { openSubscription, type SubscriptionContext } from "../mod.ts";
import { appendTo, counterEvents, place, until } from "./counter.ts";
import type { EventsBed, EventsRule } from "./rule.ts";

/** Following the log. */
export const subscriptionRules: readonly EventsRule[] = [
  { name: "a subscription sees what is there and then what comes, once and in order", run: catchUpThenLive },
  { name: "a subscription continues at its checkpoint", run: continues },
  { name: "a new subscription begins where it is told to", run: beginnings },
  {
    name: "scenario 12: a reader during appends by 16 writers sees every event once, in order, without a gap",
    run: duringAppends,
  },
  { name: "changes that a handler returns happen exactly once, with the checkpoint", run: effects },
  { name: "a peer's defect: a subscription always says what it is doing and how far behind it is", run: status },
  { name: "a handler in hand is finished and recorded when the subscription closes", run: closing },
  { name: "an event that fails while its subscription closes is handled by the next holder", run: closesFailing },
  { name: "the number of partitions cannot change under a subscription", run: partitionsFixed },
];

async function catchUpThenLive({ store, clock }: EventsBed): Promise<void> {
  await appendTo(store, "a", "b", "a");
  const seen: string[] = [];
  await using subscription = await openSubscription({
    store,
    name: "s",
    types: counterEvents,
    handle: (event) => void seen.push(place(event)),
  });
  await subscription.caughtUp();
  assert.deepEqual(seen, ["a@1", "b@1", "a@2"]);
  await appendTo(store, "b");
  // No timer has to ring: the bell alone wakes the subscription.
  await until(() => seen.length === 4, clock);
  assert.equal(seen[3], "b@2");
}

async function continues({ store }: EventsBed): Promise<void> {
  const seen: string[] = [];
  for (let round = 0; round < 3; round++) {
    await appendTo(store, "a", "b");
    await using subscription = await openSubscription({
      store,
      name: "s",
      handle: (event) => void seen.push(place(event)),
    });
    await subscription.caughtUp();
  }
  assert.deepEqual(seen, ["a@1", "b@1", "a@2", "b@2", "a@3", "b@3"]);
}

async function beginnings({ store }: EventsBed): Promise<void> {
  await appendTo(store, "a", "a", "a");
  const seen = { end: [] as string[], second: [] as string[] };
  await using atEnd = await openSubscription({
    store,
    name: "end",
    from: "end",
    handle: (event) => void seen.end.push(place(event)),
  });
  await using second = await openSubscription({
    store,
    name: "two",
    from: 2,
    handle: (event) => void seen.second.push(place(event)),
  });
  await appendTo(store, "a");
  await Promise.all([atEnd.caughtUp(), second.caughtUp()]);
  assert.deepEqual(seen, { end: ["a@4"], second: ["a@3", "a@4"] });
}

async function duringAppends({ store }: EventsBed): Promise<void> {
  const positions: number[] = [];
  await using subscription = await openSubscription({
    store,
    name: "s",
    batchMax: 7,
    handle: ({ position }) => void positions.push(position),
  });
  const writers = Array.from({ length: 16 }, async (_, writer) => {
    for (let count = 0; count < 10; count++) await appendTo(store, `w${writer % 5}`);
  });
  await Promise.all(writers);
  await subscription.caughtUp();
  assert.deepEqual(
    positions,
    Array.from({ length: 160 }, (_, index) => index + 1),
  );
}

async function effects({ store, engine, clock }: EventsBed): Promise<void> {
  await appendTo(store, "a", "a", "a");
  let failures = 0;
  await using subscription = await openSubscription({
    store,
    name: "s",
    retryMs: 10,
    handle: ({ version }) => {
      if (version === 2 && failures++ === 0) throw new Error("passing fault");
      return [{ op: "enqueue", queue: "out", messages: [{ body: `v${version}` }] }];
    },
  });
  await until(() => failures > 0, clock);
  await clock.advance(10);
  await subscription.caughtUp();
  const messages = await Array.fromAsync(engine.scan({ kind: "messages", queue: "out" }));
  assert.deepEqual(
    messages.map(({ body }) => body),
    ["v1", "v2", "v3"],
  );
}

async function status({ store, clock }: EventsBed): Promise<void> {
  const gate = Promise.withResolvers<void>();
  await appendTo(store, "a", "a", "a");
  await using subscription = await openSubscription({
    store,
    name: "s",
    handle: ({ version }) => (version === 2 ? gate.promise : undefined),
  });
  await clock.advance(700);
  const busy = (await subscription.status()).partitions[0];
  assert.deepEqual([busy?.state, busy?.position, busy?.lagEvents, busy?.lagMs], ["live", 1, 2, 700]);
  gate.resolve();
  await subscription.caughtUp();
  const idle = await subscription.status();
  assert.deepEqual(
    [idle.partitions[0]?.state, idle.partitions[0]?.lagEvents, idle.partitions[0]?.lagMs, idle.head],
    ["live", 0, 0, 3],
  );
}

async function closing({ store, clock }: EventsBed): Promise<void> {
  const gate = Promise.withResolvers<void>();
  await appendTo(store, "a", "a", "a");
  const seen: string[] = [];
  const handle = async ({ stream, version }: { readonly stream: string; readonly version: number }): Promise<void> => {
    seen.push(place({ stream, version }));
    if (version === 2 && seen.length === 2) await gate.promise;
  };
  const subscription = await openSubscription({ store, name: "s", handle });
  await until(() => seen.length === 2, clock);
  const closed = subscription[Symbol.asyncDispose]();
  gate.resolve();
  await closed;
  assert.deepEqual(seen, ["a@1", "a@2"]);
  await using next = await openSubscription({ store, name: "s", handle });
  await next.caughtUp();
  assert.deepEqual(seen, ["a@1", "a@2", "a@3"]);
}

async function closesFailing({ store, clock }: EventsBed): Promise<void> {
  await appendTo(store, "a");
  const untilAborted = ({ signal }: SubscriptionContext): Promise<void> =>
    new Promise((_resolve, fail) => signal.addEventListener("abort", () => fail(signal.reason), { once: true }));
  const failures = [
    untilAborted,
    () => {
      throw new Error("the next attempt would come after a pause");
    },
  ];
  for (const fail of failures) {
    const calls: string[] = [];
    const subscription = await openSubscription({
      store,
      name: "s",
      handle: (event, context) => (calls.push(place(event)), fail(context)),
    });
    await until(() => calls.length > 0, clock);
    await subscription[Symbol.asyncDispose]();
  }
  const seen: string[] = [];
  await using next = await openSubscription({ store, name: "s", handle: (event) => void seen.push(place(event)) });
  await next.caughtUp();
  assert.deepEqual(seen, ["a@1"]);
}

async function partitionsFixed({ store }: EventsBed): Promise<void> {
  await using _first = await openSubscription({ store, name: "s", partitions: 2, handle: () => undefined });
  await assert.rejects(openSubscription({ store, name: "s", partitions: 3, handle: () => undefined }), {
    code: "CONFIG",
  });
}
