import assert from "node:assert/strict";
import {
  ack,
  add,
  bodies,
  committed,
  enqueue,
  kill,
  leaseMs,
  moved,
  queue,
  settle,
  statusOf,
  storedIn,
  storedOne,
  take,
  takeOne,
} from "./calls.ts";
import type { NewMessage } from "../mod.ts";
import type { Rule } from "./rule.ts";

function keyed(body: string, key = "k"): NewMessage {
  return { body, key };
}

/** Order and concurrency per key, and the dedup key. */
export const keyRules: readonly Rule[] = [
  {
    name: "one message of a key at a time, in enqueue order, other keys unhindered",
    needs: ["messages"],
    run: async ({ engine }) => {
      await add(engine, keyed("1"), keyed("2"), keyed("x", "other"), "free", keyed("3"));
      const first = await take(engine, 9);
      assert.deepEqual(bodies(first), ["1", "x", "free"]);
      for (const expected of ["2", "3"]) {
        const done = (await storedIn(engine, "running")).find((message) => message.key === "k");
        assert(done !== undefined);
        await settle(engine, { queue: done.queue, id: done.id, token: 1 }, ack);
        assert.deepEqual(bodies(await take(engine, 9)), [expected]);
      }
    },
  },
  {
    name: "what waited for its key keeps its place in the lane",
    needs: ["messages"],
    run: async ({ engine }) => {
      await add(engine, keyed("1"), keyed("2"), "later");
      await settle(engine, (await takeOne(engine)).receipt, ack);
      assert.deepEqual(bodies(await take(engine, 9)), ["2", "later"]);
    },
  },
  {
    name: "a retry keeps the key: later messages wait until the earlier one is done",
    needs: ["messages"],
    run: async ({ engine, clock }) => {
      await add(engine, keyed("1"), keyed("2"));
      await settle(engine, (await takeOne(engine)).receipt, { kind: "retry", delayMs: 100 });
      assert.deepEqual(await take(engine, 9), []);
      await clock.advance(100);
      const again = await takeOne(engine);
      assert.equal(again.body, "1");
      await settle(engine, again.receipt, { kind: "park", delayMs: undefined });
      assert.deepEqual(await take(engine, 9), [], "a park keeps the key too");
      await moved(engine, "wake", [again.receipt.id]);
      const woken = await takeOne(engine);
      await settle(engine, woken.receipt, { kind: "release" });
      const released = await takeOne(engine);
      assert.equal(released.body, "1");
      await settle(engine, released.receipt, ack);
      assert.equal((await takeOne(engine)).body, "2");
    },
  },
  {
    name: "death, discard and the crash limit pass the key on",
    needs: ["messages"],
    run: async ({ engine, clock }) => {
      await add(engine, keyed("1"), keyed("2"), keyed("3"), keyed("4"));
      await kill(engine, (await takeOne(engine)).receipt);
      const [ready] = await storedIn(engine, "ready");
      assert.equal(ready?.body, "2");
      assert.equal(await moved(engine, "discard", [ready?.id ?? ""]), 1);
      assert.equal((await takeOne(engine, { crashesMax: 1 })).body, "3");
      await clock.advance(leaseMs);
      assert.equal((await takeOne(engine, { crashesMax: 1 })).body, "4");
      assert.equal((await statusOf(engine)).dead, 2);
    },
  },
  {
    name: "a rescued message keeps its key",
    needs: ["messages"],
    run: async ({ engine, clock }) => {
      await add(engine, keyed("1"), keyed("2"));
      await takeOne(engine);
      await clock.advance(leaseMs);
      assert.deepEqual(bodies(await take(engine, 9)), ["1"]);
    },
  },
  {
    name: "a waiting message that is discarded does not disturb the line",
    needs: ["messages"],
    run: async ({ engine }) => {
      const ids = await add(engine, keyed("1"), keyed("2"), keyed("3"));
      assert.equal(await moved(engine, "discard", [ids[1] ?? ""]), 1);
      await settle(engine, (await takeOne(engine)).receipt, ack);
      const last = await takeOne(engine);
      assert.equal(last.body, "3");
      await settle(engine, last.receipt, ack);
      await add(engine, keyed("4"));
      assert.equal((await takeOne(engine)).body, "4");
    },
  },
  {
    name: "keyConcurrency messages of a key run at once; a raised one lets in who waits, a lowered one lets out first",
    needs: ["messages"],
    run: async ({ engine }) => {
      const addWith = (keyConcurrency: number, body: string) =>
        committed(engine, { ...enqueue(keyed(body)), keyConcurrency });
      for (const body of ["1", "2", "3"]) await addWith(2, body);
      const two = await take(engine, 9);
      assert.deepEqual(bodies(two), ["1", "2"]);
      await addWith(4, "4");
      const four = await take(engine, 9);
      assert.deepEqual(bodies(four), ["3", "4"]);
      await addWith(1, "5");
      for (const claim of [...two, ...four]) {
        assert.deepEqual(await take(engine, 9), []);
        await settle(engine, claim.receipt, ack);
      }
      assert.deepEqual(bodies(await take(engine, 9)), ["5"]);
    },
  },
  {
    name: "the concurrency of a key is forgotten when nothing of it is left",
    needs: ["messages"],
    run: async ({ engine }) => {
      await committed(engine, { ...enqueue(keyed("1"), keyed("2"), keyed("3")), keyConcurrency: 3 });
      for (const claim of await take(engine, 9)) await kill(engine, claim.receipt);
      const dead = await storedIn(engine, "dead");
      const ids = dead.map((message) => message.id);
      assert.equal(await moved(engine, "redrive", ids), 3);
      assert.deepEqual(bodies(await take(engine, 9)), ["1"]);
    },
  },
  {
    name: "a redrive may name the concurrency of its keys, which then counts for those that wait too",
    needs: ["messages"],
    run: async ({ engine }) => {
      await committed(engine, { ...enqueue(keyed("1"), keyed("2"), keyed("3")), keyConcurrency: 3 });
      for (const claim of await take(engine, 9)) await kill(engine, claim.receipt);
      const [first = "", ...others] = (await storedIn(engine, "dead")).map((message) => message.id);
      const redrive = (ids: readonly string[], keyConcurrency: number) =>
        committed(engine, { op: "redrive", queue, ids, keyConcurrency });
      await redrive(others, 1);
      assert.deepEqual([(await statusOf(engine)).ready, (await statusOf(engine)).waiting], [1, 1]);
      assert.deepEqual(await redrive([first], 3), [{ op: "redrive", count: 1 }]);
      assert.deepEqual(bodies(await take(engine, 9)), ["2", "3", "1"]);
    },
  },
  {
    name: "a delayed message holds the place of its key; one that waits keeps the rest of its delay",
    needs: ["messages"],
    run: async ({ engine, clock }) => {
      const ids = await add(
        engine,
        { ...keyed("1"), delayMs: 100 },
        { ...keyed("2"), delayMs: 300 },
        { ...keyed("3"), delayMs: 50 },
      );
      assert.deepEqual(
        (await storedIn(engine)).map((message) => message.state),
        ["delayed", "waiting", "waiting"],
      );
      assert.equal((await storedOne(engine, ids[1] ?? "")).dueAtMs, undefined);
      await clock.advance(100);
      await settle(engine, (await takeOne(engine)).receipt, ack);
      const second = await storedOne(engine, ids[1] ?? "");
      assert.deepEqual([second.state, second.dueAtMs], ["delayed", clock.now() + 200]);
      await clock.advance(200);
      await settle(engine, (await takeOne(engine)).receipt, ack);
      assert.equal((await storedOne(engine, ids[2] ?? "")).state, "ready", "its time came while it waited");
    },
  },
  {
    name: "nextDueAtMs knows of a delayed message that the death of another lets in during the claim",
    needs: ["messages"],
    run: async ({ engine, clock }) => {
      await add(engine, keyed("dies"), { ...keyed("waits"), delayMs: 5000 });
      await takeOne(engine);
      await clock.advance(leaseMs);
      const { claims, nextDueAtMs } = await engine.claim({ queue, count: 1, leaseMs, crashesMax: 1 });
      assert.deepEqual([claims, nextDueAtMs], [[], clock.now() + 5000 - leaseMs]);
    },
  },
  {
    name: "a redriven message enters the line of its key at the end",
    needs: ["messages"],
    run: async ({ engine }) => {
      const [id = ""] = await add(engine, keyed("1"));
      await kill(engine, (await takeOne(engine)).receipt);
      await add(engine, keyed("2"), keyed("3"));
      await moved(engine, "redrive", [id]);
      assert.equal((await storedOne(engine, id)).state, "waiting");
      for (const expected of ["2", "3", "1"]) {
        const claim = await takeOne(engine);
        assert.equal(claim.body, expected);
        await settle(engine, claim.receipt, ack);
      }
    },
  },
  {
    name: "keys of different queues are different keys",
    needs: ["messages"],
    run: async ({ engine }) => {
      await add(engine, keyed("1"));
      await committed(engine, { op: "enqueue", queue: "other", messages: [keyed("2")] });
      assert.equal((await engine.claim({ queue: "other", count: 1, leaseMs })).claims.length, 1);
      assert.equal((await take(engine)).length, 1);
    },
  },
  {
    name: "a remembered dedup key gives the id of the first message, also when it is gone or dead",
    needs: ["messages"],
    run: async ({ engine, clock }) => {
      const message = { body: "a", dedup: { key: "once", forMs: 1000 } };
      const [id = ""] = await add(engine, message);
      const [repeat] = await committed(engine, enqueue({ ...message, body: "b" }));
      assert.deepEqual(repeat, { op: "enqueue", messages: [{ id, status: "existing" }] });
      await settle(engine, (await takeOne(engine)).receipt, ack);
      await clock.advance(999);
      assert.deepEqual(await add(engine, message), [id]);
      assert.deepEqual(await take(engine), []);
      await clock.advance(1);
      const [second] = await add(engine, message);
      assert.notEqual(second, id);
      assert.equal((await takeOne(engine)).receipt.id, second);
    },
  },
  {
    name: "the time a dedup key is remembered counts from the enqueue that added, not from repeats",
    needs: ["messages"],
    run: async ({ engine, clock }) => {
      const remembered = (forMs: number) => ({ body: "a", dedup: { key: "once", forMs } });
      const [id] = await add(engine, remembered(100));
      await clock.advance(99);
      assert.deepEqual(await add(engine, remembered(10_000)), [id]);
      await clock.advance(1);
      assert.notDeepEqual(await add(engine, remembered(100)), [id]);
    },
  },
  {
    name: "dedup works within one commit, per queue, and takes no place in the depth or the key",
    needs: ["messages"],
    run: async ({ engine }) => {
      const once = { body: "a", key: "k", dedup: { key: "once", forMs: 1000 } };
      const ids = await add(engine, once, once);
      assert.equal(ids[0], ids[1]);
      await committed(engine, { op: "enqueue", queue: "other", messages: [once] });
      await committed(engine, { ...enqueue(once), depthMax: 1 });
      await settle(engine, (await takeOne(engine)).receipt, ack);
      await add(engine, keyed("next"));
      assert.equal((await takeOne(engine)).body, "next");
      assert.equal((await storedIn(engine)).length, 1);
    },
  },
  {
    name: "a refused list remembers no dedup key",
    needs: ["messages", "cells", "lists"],
    run: async ({ engine }) => {
      const once = { body: "a", dedup: { key: "once", forMs: 1000 } };
      const result = await engine.commit([
        enqueue(once),
        { op: "check", cell: { space: "s", key: "k" }, expect: "present" },
      ]);
      assert.equal(result.committed, false);
      const [outcome] = await committed(engine, enqueue(once));
      assert(outcome?.op === "enqueue");
      assert.equal(outcome.messages[0]?.status, "added");
    },
  },
];
