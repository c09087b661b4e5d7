import assert from "node:assert/strict";
import {
  ack,
  add,
  bodies,
  committed,
  kill,
  leaseMs,
  moved,
  queue,
  refused,
  settle,
  statusOf,
  storedOne,
  take,
  takeOne,
} from "./calls.ts";
import type { Rule } from "./rule.ts";

/** Leases, fences, rescue and wake-ups. */
export const leaseRules: readonly Rule[] = [
  {
    name: "a message whose lease ended is handed out again as a suspect with a higher token, in its old place, its attempt not counted",
    needs: ["messages"],
    run: async ({ engine, clock }) => {
      await add(engine, "a", "b");
      const lost = await takeOne(engine);
      await clock.advance(leaseMs - 1);
      assert.deepEqual(bodies(await take(engine, 1)), ["b"]);
      await clock.advance(1);
      await add(engine, "c");
      const again = await take(engine, 9, { leaseMs: 5 });
      assert.deepEqual(bodies(again), ["a", "c"]);
      const [suspect] = again;
      assert(suspect !== undefined);
      assert.deepEqual([suspect.attempt, suspect.crashes, suspect.receipt.id], [1, 1, lost.receipt.id]);
      assert(suspect.receipt.token > lost.receipt.token);
    },
  },
  {
    name: "every use of a receipt that is no longer the current one is refused: settle, hold, extend",
    needs: ["messages"],
    run: async ({ engine, clock }) => {
      await add(engine, "a");
      const lost = await takeOne(engine);
      await clock.advance(leaseMs);
      const current = await takeOne(engine);
      const lateSettlements = [
        ack,
        { kind: "retry", delayMs: 0 },
        { kind: "park", delayMs: undefined },
        { kind: "dead", reason: "x" },
        { kind: "release" },
      ] as const;
      for (const as of lateSettlements) {
        const { refusal } = await refused(engine, { op: "settle", receipt: lost.receipt, as });
        assert.deepEqual(refusal, { kind: "lease-lost", receipt: lost.receipt });
      }
      await refused(engine, { op: "hold", receipt: lost.receipt });
      assert.deepEqual(await engine.extend([lost.receipt, current.receipt], 5000), [false, true]);
      assert.equal((await storedOne(engine, current.receipt.id)).dueAtMs, clock.now() + 5000);
      await settle(engine, current.receipt, ack);
      assert.deepEqual(await engine.extend([current.receipt], 5000), [false]);
    },
  },
  {
    name: "a receipt counts only for its own queue, id and token",
    needs: ["messages", "lists"],
    run: async ({ engine }) => {
      await add(engine, "a", "b");
      const [first, second] = await take(engine, 2);
      assert(first !== undefined && second !== undefined);
      const { receipt } = first;
      const forged = [
        { ...receipt, queue: "other" },
        { ...receipt, token: receipt.token + 1 },
        { ...receipt, id: "999999" },
        { ...receipt, id: ` ${receipt.id}` },
        { ...receipt, id: `0${receipt.id}` },
        { ...receipt, id: "x" },
      ];
      for (const fake of forged) {
        await refused(engine, { op: "settle", receipt: fake, as: ack });
        await refused(engine, { op: "hold", receipt: fake });
      }
      assert.deepEqual(
        await engine.extend(forged, 10),
        forged.map(() => false),
      );
      await committed(engine, { op: "hold", receipt }, { op: "settle", receipt: second.receipt, as: ack });
    },
  },
  {
    name: "a lease that has ended still counts until the message is claimed by another",
    needs: ["messages"],
    run: async ({ engine, clock }) => {
      await add(engine, "a", "b");
      const [first, second] = await take(engine, 2);
      assert(first !== undefined && second !== undefined);
      await clock.advance(leaseMs * 3);
      assert.deepEqual(await engine.extend([first.receipt], leaseMs), [true]);
      await settle(engine, second.receipt, ack);
      assert.deepEqual(await take(engine, 9), []);
    },
  },
  {
    name: "an extension runs from now, and keeps the message from others",
    needs: ["messages"],
    run: async ({ engine, clock }) => {
      await add(engine, "a");
      const claim = await takeOne(engine);
      for (let beat = 0; beat < 5; beat++) {
        await clock.advance(leaseMs - 1);
        assert.deepEqual(await engine.extend([claim.receipt], leaseMs), [true]);
        assert.deepEqual(await take(engine), []);
      }
      await clock.advance(leaseMs);
      assert.equal((await takeOne(engine)).crashes, 1);
    },
  },
  {
    name: "a message whose holder died crashesMax times is dead with reason crashed",
    needs: ["messages"],
    run: async ({ engine, clock }) => {
      const [id = ""] = await add(engine, "poison");
      for (let crash = 0; crash < 3; crash++) {
        assert.equal((await takeOne(engine, { crashesMax: 3 })).crashes, crash);
        await clock.advance(leaseMs);
      }
      assert.deepEqual(await take(engine, 1, { crashesMax: 3 }), []);
      const { state, reason, crashes, attempt, diedAtMs } = await storedOne(engine, id);
      assert.deepEqual([state, reason, crashes, attempt, diedAtMs], ["dead", "crashed", 3, 0, clock.now()]);
      assert.equal(await moved(engine, "redrive", [id]), 1);
      assert.equal((await takeOne(engine)).crashes, 0);
    },
  },
  {
    name: "at most as many suspects as asked for are handed out, and others fill the claim",
    needs: ["messages"],
    run: async ({ engine, clock }) => {
      await add(engine, "s1", "s2", { body: "s3", lane: 2 });
      await take(engine, 3);
      await clock.advance(leaseMs);
      await add(engine, "fresh", { body: "urgent", lane: 1 });
      assert.deepEqual(bodies(await take(engine, 9, { suspects: 0 })), ["fresh", "urgent"]);
      assert.deepEqual(bodies(await take(engine, 9, { suspects: 1 })), ["s1"]);
      assert.deepEqual((await statusOf(engine)).suspect, 2);
      assert.deepEqual(bodies(await take(engine, 9)), ["s2", "s3"]);
    },
  },
  {
    name: "suspects are chosen first and handed out in the common order",
    needs: ["messages"],
    run: async ({ engine, clock }) => {
      await add(engine, { body: "suspect", lane: 3 });
      await take(engine, 1);
      await clock.advance(leaseMs);
      await add(engine, { body: "a", lane: 1 }, { body: "b", lane: 1 });
      assert.deepEqual(bodies(await take(engine, 2)), ["a", "suspect"]);
    },
  },
  {
    name: "a suspect that is released is a suspect again; after a retry it is not",
    needs: ["messages"],
    run: async ({ engine, clock }) => {
      const [id = ""] = await add(engine, "a");
      await take(engine, 1);
      await clock.advance(leaseMs);
      await settle(engine, (await takeOne(engine)).receipt, { kind: "release" });
      assert.equal((await storedOne(engine, id)).state, "suspect");
      await settle(engine, (await takeOne(engine)).receipt, { kind: "retry", delayMs: 0 });
      const { state, crashes } = await storedOne(engine, id);
      assert.deepEqual([state, crashes], ["ready", 1]);
    },
  },
  {
    name: "a parked message sleeps until its delay is over; its attempt is not counted and its crashes are forgotten",
    needs: ["messages"],
    run: async ({ engine, clock }) => {
      const [id = ""] = await add(engine, "a");
      await take(engine, 1);
      await clock.advance(leaseMs);
      const claim = await takeOne(engine);
      assert.equal(claim.crashes, 1);
      await settle(engine, claim.receipt, { kind: "park", delayMs: 100 });
      const { state, crashes, attempt, dueAtMs } = await storedOne(engine, id);
      assert.deepEqual([state, crashes, attempt, dueAtMs], ["delayed", 0, 0, clock.now() + 100]);
      await clock.advance(100);
      assert.equal((await takeOne(engine)).attempt, 1);
    },
  },
  {
    name: "a message parked without end sleeps until a wake comes",
    needs: ["messages"],
    run: async ({ engine, clock }) => {
      const [id = ""] = await add(engine, "a");
      await settle(engine, (await takeOne(engine)).receipt, { kind: "park", delayMs: undefined });
      await clock.advance(1_000_000_000);
      assert.deepEqual(await engine.claim({ queue, count: 1, leaseMs }), { claims: [], nextDueAtMs: undefined });
      await add(engine, "b");
      assert.equal(await moved(engine, "wake", [id, id]), 1);
      assert.deepEqual(bodies(await take(engine, 2)), ["b", "a"]);
    },
  },
  {
    name: "a wake that comes while the message is running ends its next park or retry at once",
    needs: ["messages"],
    run: async ({ engine }) => {
      for (const as of [
        { kind: "park", delayMs: undefined },
        { kind: "retry", delayMs: 60_000 },
      ] as const) {
        const [id = ""] = await add(engine, "a");
        const claim = await takeOne(engine);
        assert.equal(await moved(engine, "wake", [id]), 1);
        await settle(engine, claim.receipt, as);
        const again = await takeOne(engine);
        await settle(engine, again.receipt, as);
        assert.deepEqual(await take(engine), [], "one wake ends one sleep");
        await moved(engine, "discard", [id]);
      }
    },
  },
  {
    name: "a wake is forgotten when the message is released or rescued: who holds it next started after the wake",
    needs: ["messages"],
    run: async ({ engine, clock }) => {
      const [id = ""] = await add(engine, "a");
      const released = await takeOne(engine);
      await moved(engine, "wake", [id]);
      await settle(engine, released.receipt, { kind: "release" });
      await takeOne(engine);
      await moved(engine, "wake", [id]);
      await clock.advance(leaseMs);
      await settle(engine, (await takeOne(engine)).receipt, { kind: "park", delayMs: undefined });
      assert.deepEqual(await take(engine), []);
    },
  },
  {
    name: "a wake moves nothing that is ready, waiting or dead",
    needs: ["messages"],
    run: async ({ engine }) => {
      const [running = "", waiting = "", dead = ""] = await add(
        engine,
        { body: "1", key: "k" },
        { body: "2", key: "k" },
        "dead",
      );
      const [, second] = await take(engine, 2);
      assert(second !== undefined);
      await kill(engine, second.receipt);
      const [ready = ""] = await add(engine, "ready");
      assert.equal(await moved(engine, "wake", [waiting, dead, ready, "77777", "?"]), 0);
      assert.equal((await storedOne(engine, running)).state, "running");
    },
  },
  {
    name: "a settlement and the wake of the same message in one list both count",
    needs: ["messages", "lists"],
    run: async ({ engine }) => {
      const [id = ""] = await add(engine, "a");
      const { receipt } = await takeOne(engine);
      const park = { op: "settle", receipt, as: { kind: "park", delayMs: undefined } } as const;
      await committed(engine, park, { op: "wake", queue, ids: [id] });
      const second = await takeOne(engine);
      await committed(engine, { op: "wake", queue, ids: [id] }, { ...park, receipt: second.receipt });
      await takeOne(engine);
    },
  },
];
