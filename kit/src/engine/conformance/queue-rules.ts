import assert from "node:assert/strict";
import {
  ack,
  acknowledge,
  add,
  bodies,
  committed,
  enqueue,
  kill,
  leaseMs,
  moved,
  queue,
  refused,
  settle,
  statusOf,
  storedIn,
  storedOne,
  take,
  takeOne,
} from "./calls.ts";
import type { Rule } from "./rule.ts";

/** Adding, claiming, settling: order, states, counts. */
export const queueRules: readonly Rule[] = [
  {
    name: "a discard of the dead leaves alone what was redriven meanwhile",
    needs: ["messages"],
    run: async ({ engine }) => {
      const ids = await add(engine, "1", "2");
      for (const claim of await take(engine, 2)) await kill(engine, claim.receipt);
      await moved(engine, "redrive", ids.slice(0, 1));
      const outcome = await committed(engine, { op: "discard", queue, ids, state: "dead" });
      assert.deepEqual(outcome, [{ op: "discard", count: 1 }]);
      assert.deepEqual(bodies(await take(engine, 9)), ["1"]);
    },
  },
  {
    name: "a claim hands out lower lanes first, and the oldest of a lane first",
    needs: ["messages"],
    run: async ({ engine }) => {
      await add(engine, { body: "c", lane: 5 }, { body: "a", lane: 0 }, { body: "d", lane: 9 }, "b", {
        body: "c2",
        lane: 5,
      });
      assert.deepEqual(bodies(await take(engine, 3)), ["a", "b", "c"]);
      assert.deepEqual(bodies(await take(engine, 3)), ["c2", "d"]);
    },
  },
  {
    name: "a claim carries all that was enqueued",
    needs: ["messages"],
    run: async ({ engine, clock }) => {
      const enqueuedAtMs = clock.now();
      const message = { body: "x", headers: { trace: "t", "1": "one" }, key: "k", lane: 3 };
      const [id] = await add(engine, message);
      await clock.advance(50);
      const claim = await takeOne(engine);
      assert.deepEqual(claim, {
        ...message,
        receipt: { queue, id, token: 1 },
        attempt: 1,
        crashes: 0,
        enqueuedAtMs,
        leaseUntilMs: clock.now() + leaseMs,
        failures: [],
      });
      const plain = await add(engine, "plain").then(() => takeOne(engine));
      assert.deepEqual([plain.headers, plain.key, plain.lane], [undefined, undefined, 0]);
    },
  },
  {
    name: "ids rise and are never used again, nor does a receipt become valid again",
    needs: ["messages"],
    run: async ({ engine }) => {
      let last = 0;
      for (let round = 0; round < 5; round++) {
        const [id = ""] = await add(engine, "x");
        assert(Number(id) > last, `${id} is above ${last}`);
        last = Number(id);
        const claim = await takeOne(engine);
        await settle(engine, claim.receipt, ack);
        assert.equal(
          (await refused(engine, { op: "settle", receipt: claim.receipt, as: ack })).refusal.kind,
          "lease-lost",
        );
      }
    },
  },
  {
    name: "an acknowledged message is gone",
    needs: ["messages"],
    run: async ({ engine }) => {
      await add(engine, "a", "b");
      await acknowledge(engine, await take(engine, 2));
      assert.deepEqual(await storedIn(engine), []);
      const { ready, running, delayed, dead, suspect, waiting } = await statusOf(engine);
      assert.deepEqual([ready, running, delayed, dead, suspect, waiting], [0, 0, 0, 0, 0, 0]);
    },
  },
  {
    name: "a released message returns to its old place with its attempt not counted",
    needs: ["messages"],
    run: async ({ engine }) => {
      await add(engine, "a", "b", "c");
      const [first, second] = await take(engine, 2);
      assert(first !== undefined && second !== undefined);
      await settle(engine, second.receipt, { kind: "release" });
      await settle(engine, first.receipt, { kind: "release" });
      const again = await take(engine, 3);
      assert.deepEqual(bodies(again), ["a", "b", "c"]);
      assert.deepEqual(
        again.map((claim) => [claim.attempt, claim.receipt.token]),
        [
          [1, 2],
          [1, 2],
          [1, 1],
        ],
      );
    },
  },
  {
    name: "a retried message comes back after its delay at the end of its lane, with its attempt counted and its failure kept",
    needs: ["messages"],
    run: async ({ engine, clock }) => {
      const [id = ""] = await add(engine, "a");
      const claim = await takeOne(engine);
      await settle(engine, claim.receipt, { kind: "retry", delayMs: 100, failure: "no route" });
      assert.deepEqual((await storedOne(engine, id)).dueAtMs, clock.now() + 100);
      await add(engine, "b");
      await clock.advance(99);
      assert.deepEqual(bodies(await take(engine, 2)), ["b"]);
      await add(engine, "c");
      await clock.advance(1);
      const again = await take(engine, 2);
      assert.deepEqual(bodies(again), ["c", "a"]);
      assert.deepEqual([again[1]?.attempt, again[1]?.receipt.token, again[1]?.failures], [2, 2, ["no route"]]);
    },
  },
  {
    name: "a retry without delay is claimable at once, behind what is ready",
    needs: ["messages"],
    run: async ({ engine }) => {
      await add(engine, "a", "b");
      const claim = await takeOne(engine);
      await settle(engine, claim.receipt, { kind: "retry", delayMs: 0 });
      assert.deepEqual(bodies(await take(engine, 2)), ["b", "a"]);
    },
  },
  {
    name: "delayed messages mature by due time, then id, each to the end of its lane",
    needs: ["messages"],
    run: async ({ engine, clock }) => {
      await add(
        engine,
        { body: "late", delayMs: 200 },
        { body: "early", dueAtMs: clock.now() + 100 },
        { body: "tie", delayMs: 100 },
      );
      const { claims, nextDueAtMs } = await engine.claim({ queue, count: 9, leaseMs });
      assert.deepEqual(claims, []);
      assert.equal(nextDueAtMs, clock.now() + 100);
      await clock.advance(100);
      await add(engine, "ready before they are looked at");
      await clock.advance(100);
      assert.deepEqual(bodies(await take(engine, 9)), ["ready before they are looked at", "early", "tie", "late"]);
    },
  },
  {
    name: "a due time that has passed, and a delay of 0, mean ready",
    needs: ["messages"],
    run: async ({ engine, clock }) => {
      await add(engine, { body: "a", dueAtMs: clock.now() }, { body: "b", dueAtMs: 0 }, { body: "c", delayMs: 0 });
      assert.equal((await statusOf(engine)).ready, 3);
      assert.deepEqual(bodies(await take(engine, 9)), ["a", "b", "c"]);
    },
  },
  {
    name: "nextDueAtMs is the next due time or lease end of the queue, and undefined when there is none",
    needs: ["messages"],
    run: async ({ engine, clock }) => {
      const look = async (): Promise<number | undefined> =>
        (await engine.claim({ queue, count: 1, leaseMs })).nextDueAtMs;
      assert.equal(await look(), undefined);
      await add(engine, { body: "far", delayMs: 60_000 }, "near");
      assert.equal(await look(), clock.now() + leaseMs, "the lease that was just given");
      await clock.advance(10);
      await add(engine, { body: "nearer", delayMs: 500 });
      assert.equal(await look(), clock.now() + 500);
      await committed(engine, { op: "enqueue", queue: "other", messages: [{ body: "x", delayMs: 1 }] });
      assert.equal(await look(), clock.now() + 500, "other queues do not matter");
    },
  },
  {
    name: "a dead message keeps its failures and says why and when it died",
    needs: ["messages"],
    run: async ({ engine, clock }) => {
      const [id = ""] = await add(engine, "a");
      const first = await takeOne(engine);
      await settle(engine, first.receipt, { kind: "retry", delayMs: 0, failure: "one" });
      const second = await takeOne(engine);
      await settle(engine, second.receipt, { kind: "dead", reason: "gave up", failure: "two" });
      const stored = await storedOne(engine, id);
      assert.deepEqual(stored, {
        queue,
        id,
        state: "dead",
        body: "a",
        headers: undefined,
        key: undefined,
        lane: 0,
        attempt: 2,
        crashes: 0,
        enqueuedAtMs: clock.now(),
        dueAtMs: undefined,
        failures: ["one", "two"],
        reason: "gave up",
        diedAtMs: clock.now(),
      });
      assert.deepEqual(await take(engine), []);
    },
  },
  {
    name: "of many failures the first and the latest fifteen are kept",
    needs: ["messages"],
    run: async ({ engine }) => {
      await add(engine, "a");
      for (let n = 1; n <= 20; n++) {
        const claim = await takeOne(engine);
        await settle(engine, claim.receipt, { kind: "retry", delayMs: 0, failure: `failure ${n}` });
      }
      const { failures } = await takeOne(engine);
      assert.equal(failures.length, 16);
      assert.deepEqual([failures[0], failures[1], failures[15]], ["failure 1", "failure 6", "failure 20"]);
    },
  },
  {
    name: "redrive makes the named dead ones ready, from attempt 1, with their failures kept and their reason cleared",
    needs: ["messages"],
    run: async ({ engine }) => {
      const ids = await add(engine, "a", "b", "c");
      const [first, second] = await take(engine, 2, { crashesMax: 3 });
      assert(first !== undefined && second !== undefined);
      await settle(engine, first.receipt, { kind: "dead", reason: "no use", failure: "why" });
      assert.equal(
        await moved(engine, "redrive", [...ids, ...ids, "no such id", "999999"]),
        1,
        "only dead ones count, once",
      );
      const again = await take(engine, 9);
      assert.deepEqual(bodies(again), ["c", "a"]);
      assert.deepEqual([again[1]?.attempt, again[1]?.crashes, again[1]?.failures], [1, 0, ["why"]]);
      assert(again[1] !== undefined && again[1].receipt.token > first.receipt.token, "tokens rise across redrive");
      assert.equal((await storedOne(engine, ids[0] ?? "")).reason, undefined);
    },
  },
  {
    name: "discard removes what nobody holds, in any state",
    needs: ["messages"],
    run: async ({ engine }) => {
      const [running = "", dead = "", waiting = ""] = await add(engine, { body: "running", key: "k" }, "dead", {
        body: "waiting",
        key: "k",
      });
      const [, second] = await take(engine, 2);
      assert(second !== undefined);
      await kill(engine, second.receipt);
      const [ready = "", delayed = ""] = await add(engine, "ready", { body: "delayed", delayMs: 5 });
      assert.equal(await moved(engine, "discard", [running, dead, waiting, ready, delayed, dead]), 4);
      assert.deepEqual(bodies(await storedIn(engine)), ["running"]);
    },
  },
  {
    name: "a change that names a message of another queue does not touch it",
    needs: ["messages"],
    run: async ({ engine }) => {
      const [id = ""] = await add(engine, { body: "a", delayMs: 10 });
      await committed(engine, { op: "enqueue", queue: "other", messages: [{ body: "x" }] });
      for (const op of ["wake", "discard", "redrive"] as const) {
        const [outcome] = await committed(engine, { op, queue: "other", ids: [id] });
        assert.deepEqual(outcome, { op, count: 0 });
      }
      assert.equal((await storedOne(engine, id)).state, "delayed");
    },
  },
  {
    name: "a paused queue takes messages and settlements and hands out nothing until it is open again",
    needs: ["messages"],
    run: async ({ engine, clock }) => {
      await add(engine, "held", "next", { body: "slow", delayMs: 10 });
      const held = await takeOne(engine);
      await committed(engine, { op: "flow", queue, to: "paused" });
      await add(engine, "more");
      await clock.advance(10);
      const paused = await engine.claim({ queue, count: 9, leaseMs });
      assert.deepEqual(paused.claims, []);
      assert.equal(paused.nextDueAtMs, held.leaseUntilMs);
      await settle(engine, held.receipt, ack);
      assert.equal((await statusOf(engine)).flow, "paused");
      await committed(engine, { op: "flow", queue, to: "open" });
      assert.deepEqual(bodies(await take(engine, 9)), ["next", "more", "slow"]);
    },
  },
  {
    name: "claimForMs hands the message to the caller in the commit that adds it",
    needs: ["messages"],
    run: async ({ engine, clock }) => {
      const [outcome] = await committed(engine, enqueue({ body: "mine", claimForMs: 500 }, "others"));
      assert(outcome?.op === "enqueue");
      const [mine, others] = outcome.messages;
      assert(mine !== undefined);
      assert.deepEqual(mine, { id: mine.id, status: "added", receipt: { queue, id: mine.id, token: 1 } });
      assert.equal(others?.receipt, undefined);
      const stored = await storedOne(engine, mine.id);
      assert.deepEqual([stored.state, stored.attempt, stored.dueAtMs], ["running", 1, clock.now() + 500]);
      assert.deepEqual(bodies(await take(engine, 9)), ["others"]);
      await settle(engine, mine.receipt ?? { queue, id: "", token: 0 }, ack);
    },
  },
  {
    name: "claimForMs on a paused queue stores the message ready and gives no receipt",
    needs: ["messages"],
    run: async ({ engine }) => {
      await committed(engine, { op: "flow", queue, to: "paused" });
      const [outcome] = await committed(engine, enqueue({ body: "x", claimForMs: 500 }));
      assert(outcome?.op === "enqueue");
      assert.equal(outcome.messages[0]?.receipt, undefined);
      assert.equal((await statusOf(engine)).ready, 1);
    },
  },
  {
    name: "an enqueue that would exceed depthMax is refused as a whole; the dead do not count",
    needs: ["messages", "lists"],
    run: async ({ engine }) => {
      await add(engine, "dead", "ready", { body: "delayed", delayMs: 5 });
      await kill(engine, (await takeOne(engine)).receipt);
      const { refusal } = await refused(engine, { ...enqueue("a", "b"), depthMax: 3 });
      assert.deepEqual(refusal, { kind: "queue-full", queue, depth: 2, depthMax: 3 });
      await committed(engine, { ...enqueue("a"), depthMax: 3 });
      const second = await refused(engine, { ...enqueue("b"), depthMax: 10 }, { ...enqueue("c"), depthMax: 4 });
      assert.deepEqual([second.index, second.refusal], [1, { kind: "queue-full", queue, depth: 4, depthMax: 4 }]);
    },
  },
  {
    name: "the status counts every state, and its age is that of the message a claim would hand out next",
    needs: ["messages"],
    run: async ({ engine, clock }) => {
      const startMs = clock.now();
      await add(engine, { body: "run", key: "k" }, { body: "wait", key: "k" }, { body: "delay", delayMs: 5000 }, "die");
      const [, die] = await take(engine, 2);
      assert(die !== undefined);
      await kill(engine, die.receipt);
      await clock.advance(10);
      await add(engine, { body: "second", lane: 1 });
      await clock.advance(10);
      await add(engine, { body: "first", lane: 0 });
      const counts = { ready: 2, suspect: 0, running: 1, delayed: 1, waiting: 1, dead: 1 };
      assert.deepEqual(await statusOf(engine), { queue, ...counts, flow: "open", oldestReadyAtMs: startMs + 20 });
    },
  },
];
