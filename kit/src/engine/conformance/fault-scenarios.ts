import assert from "node:assert/strict";
import type { Change, Engine } from "../mod.ts";
import {
  ack,
  acknowledge,
  add,
  append,
  bodies,
  committed,
  enqueue,
  kill,
  leaseMs,
  log,
  queue,
  refused,
  rejection,
  settle,
  statusOf,
  storedIn,
  take,
  takeOne,
} from "./calls.ts";
import { auditEngine } from "./audit.ts";
import { keeps, note, notesOf } from "./notes.ts";
import type { Rule } from "./rule.ts";

const hourMs = 3_600_000;
const cell = { space: "s", key: "k" };

/** Failure scenarios of clocks, handlers, space and restarts. The numbers are those of the study's list of 25. */
export const faultScenarios: readonly Rule[] = [
  {
    name: "scenario 10: only the engine's clock decides; timers of the process do not mature anything when it stands still",
    needs: ["messages"],
    run: async ({ engine, clock }) => {
      await add(engine, { body: "later", delayMs: 1 }, "now");
      assert.equal(engine.clock, clock, "whoever waits on the engine waits on its clock");
      for (let n = 0; n < 20; n++) await engine.commit([]);
      const claims = await take(engine, 9);
      assert.deepEqual(bodies(claims), ["now"]);
      assert.equal(claims[0]?.leaseUntilMs, clock.now() + leaseMs);
    },
  },
  {
    name: "scenario 11: when the engine's clock jumps forth, nothing is lost and late holders are fenced",
    needs: ["messages"],
    run: async ({ engine, clock }) => {
      await add(engine, "held", { body: "delayed", delayMs: 60_000 });
      const held = await takeOne(engine);
      clock.jump(hourMs);
      const again = await take(engine, 9);
      assert.deepEqual(bodies(again), ["held", "delayed"]);
      await refused(engine, { op: "settle", receipt: held.receipt, as: ack });
      await acknowledge(engine, again);
    },
  },
  {
    name: "scenario 11: when the engine's clock jumps back, delayed messages are late by the jump at most and no token, id or version falls",
    needs: ["messages", "cells", "lists"],
    run: async ({ engine, clock }) => {
      const logged = (data: string): readonly Change[] => (keeps(engine, "events") ? [append("s", data)] : []);
      const [first = ""] = await add(engine, "held", { body: "delayed", delayMs: 1000 });
      const held = await takeOne(engine);
      const before = await committed(engine, { op: "put", cell, expect: "absent", value: "1" }, ...logged("1"));
      clock.jump(-hourMs);
      const [second = ""] = await add(engine, "new");
      assert(Number(second) > Number(first));
      const after = await committed(engine, { op: "put", cell, expect: "present", value: "2" }, ...logged("2"));
      assert(before[0]?.op === "put" && after[0]?.op === "put" && after[0].version > before[0].version);
      if (before[1]?.op === "append") assert(after[1]?.op === "append" && after[1].position === before[1].position + 1);
      assert.deepEqual(await engine.extend([held.receipt], leaseMs), [true]);
      assert.deepEqual(bodies(await take(engine, 9)), ["new"]);
      await clock.advance(leaseMs);
      const again = await takeOne(engine, { suspects: 1 });
      assert(again.body === "held" && again.receipt.token > held.receipt.token);
      await clock.advance(hourMs);
      assert(bodies(await take(engine, 9)).includes("delayed"));
    },
  },
  {
    name: "scenario 16: a message that always fails ends in the dead letters with its errors; others are not disturbed",
    needs: ["messages"],
    run: async ({ engine, clock }) => {
      await add(engine, { body: "poison", key: "a" }, { body: "after", key: "a" }, { body: "other", key: "b" });
      const done: string[] = [];
      for (let round = 0; round < 10; round++) {
        for (const claim of await take(engine, 9)) {
          const failure = `failed ${claim.attempt}`;
          if (claim.body !== "poison") await settle(engine, claim.receipt, ack).then(() => done.push(claim.body));
          else if (claim.attempt < 5) await settle(engine, claim.receipt, { kind: "retry", delayMs: 10, failure });
          else await settle(engine, claim.receipt, { kind: "dead", reason: "attempts", failure });
        }
        await clock.advance(10);
      }
      assert.deepEqual(done, ["other", "after"]);
      const [dead] = await storedIn(engine, "dead");
      assert.deepEqual(dead?.failures, ["failed 1", "failed 2", "failed 3", "failed 4", "failed 5"]);
    },
  },
  {
    name: "scenario 17: a message that kills its process stops after crashesMax deaths; those handed out with it come through",
    needs: ["messages"],
    run: async ({ engine, clock }) => {
      await add(engine, "innocent 1", "poison", "innocent 2");
      const survived: string[] = [];
      for (let round = 0; round < 12; round++) {
        const claims = await take(engine, 2, { suspects: 1, crashesMax: 3 });
        // The process dies with all that it holds, as soon as the poison is among it.
        if (!claims.some((claim) => claim.body === "poison")) {
          await acknowledge(engine, claims);
          survived.push(...bodies(claims));
        }
        await clock.advance(leaseMs);
      }
      assert.deepEqual(survived.toSorted(), ["innocent 1", "innocent 2"]);
      const [dead] = await storedIn(engine, "dead");
      assert.deepEqual([dead?.body, dead?.reason], ["poison", "crashed"]);
    },
  },
  {
    name: "scenario 19: on a full store a commit fails with StorageError full, nothing acknowledged is lost, and it goes on once there is space",
    needs: ["messages", "lists", "notes"],
    run: async ({ engine, fixture }) => {
      assert(fixture.space !== undefined, "the fixture can limit its space, or the rule is skipped with a reason");
      await add(engine, "before");
      await fixture.space.limit();
      const acknowledged = await fillUp(engine);
      const error = await rejection(() => engine.commit([note(engine, "big", "x".repeat(200_000)), enqueue("lost")]));
      assert.deepEqual([error.code, "reason" in error && error.reason], ["STORAGE", "full"]);
      assert.equal((await notesOf(engine)).size, acknowledged);
      await fixture.space.lift();
      await committed(engine, note(engine, "after"), enqueue("after"));
      assert.equal((await notesOf(engine)).size, acknowledged + 1);
      assert.deepEqual(bodies(await take(engine, 9)), ["before", "after"]);
      await auditEngine(engine, [queue], [log]);
    },
  },
  {
    name: "scenario 19: on a full store what makes room is not refused along with what needs it in the same turn",
    needs: ["messages", "lists", "notes"],
    run: async ({ engine, fixture }) => {
      assert(fixture.space !== undefined, "the fixture can limit its space, or the rule is skipped with a reason");
      await add(engine, ...Array.from({ length: 20 }, (_, n) => String(n)));
      const claims = await take(engine, 20);
      await fixture.space.limit();
      const acknowledged = await fillUp(engine);
      const settled = claims.flatMap(({ receipt }) => [
        engine.commit([note(engine, `late-${receipt.id}`, "x".repeat(20_000))]),
        engine.commit([{ op: "settle", receipt, as: ack }]),
        engine.extend([receipt], leaseMs),
      ]);
      const outcomes = await Promise.allSettled(settled);
      for (const [index, outcome] of outcomes.entries())
        if (index % 3 !== 0) assert.equal(outcome.status, "fulfilled", "acknowledged or extended");
      assert(outcomes.some((outcome) => outcome.status === "rejected"));
      await fixture.space.lift();
      assert.equal((await statusOf(engine)).running, 0);
      const added = outcomes.filter(({ status }, index) => index % 3 === 0 && status === "fulfilled").length;
      assert.equal((await notesOf(engine)).size, acknowledged + added);
      await auditEngine(engine, [queue], [log]);
    },
  },
  {
    name: "scenario 9: an engine that is closed and opened again has kept everything it acknowledged",
    needs: ["messages", "cells", "inbox", "lists"],
    run: async (bed) => {
      const { fixture, clock } = bed;
      assert(fixture.reopen !== undefined, "the fixture can reopen its engine, or the rule is skipped with a reason");
      const once = { body: "once", dedup: { key: "d", forMs: hourMs } };
      const [onceId] = await add(
        bed.engine,
        once,
        { body: "k1", key: "k" },
        { body: "k2", key: "k" },
        { body: "later", delayMs: 100 },
      );
      await add(bed.engine, "dies");
      for (const claim of await take(bed.engine, 9)) {
        if (claim.body === "dies") await kill(bed.engine, claim.receipt, "because");
        else await settle(bed.engine, claim.receipt, { kind: "retry", delayMs: 0, failure: "first" });
      }
      await committed(bed.engine, note(bed.engine, "s", "1"));
      const [stored] = await committed(bed.engine, {
        op: "put",
        cell,
        expect: "any",
        value: "v",
        expiresInMs: hourMs,
      });
      await committed(
        bed.engine,
        { op: "seen", consumer: "c", id: "1", keepMs: hourMs },
        { op: "flow", queue, to: "paused" },
      );
      const before = [await storedIn(bed.engine), await statusOf(bed.engine), await bed.engine.get([cell])];
      const engine = await fixture.reopen();
      assert.deepEqual([await storedIn(engine), await statusOf(engine), await engine.get([cell])], before);
      await auditEngine(engine, [queue], [log]);
      await refused(engine, { op: "seen", consumer: "c", id: "1", keepMs: 1 });
      await refused(engine, note(engine, "s", "2"));
      assert.deepEqual(await add(engine, once), [onceId]);
      const [put] = await committed(
        engine,
        { op: "put", cell, expect: "present", value: "w" },
        { op: "flow", queue, to: "open" },
      );
      assert(put?.op === "put" && stored?.op === "put" && put.version > stored.version);
      await clock.advance(100);
      assert.deepEqual(bodies(await take(engine, 9)), ["once", "k1", "later"]);
      const ids = (await storedIn(engine)).map((message) => Number(message.id));
      assert(Number((await add(engine, "new"))[0]) > Math.max(...ids), "no id is used again");
    },
  },
  {
    name: "scenario 25: engines that open the same data at the same time all work, whoever prepared it",
    needs: ["messages", "lists", "notes"],
    run: async ({ engine, fixture }) => {
      assert(
        fixture.openAnother !== undefined,
        "the fixture can open another engine, or the rule is skipped with a reason",
      );
      const { openAnother } = fixture;
      const opened = await Promise.all([openAnother(), openAnother(), openAnother()]);
      const all = [engine, ...opened];
      for (const [n, each] of all.entries()) {
        await committed(each, note(each, String(n)), enqueue(`job ${n}`));
        for (const other of all) assert.equal((await notesOf(other)).size, n + 1);
      }
      const claimed = await Promise.all(all.map((each) => take(each, 1)));
      assert.equal(new Set(claimed.flat().map((claim) => claim.receipt.id)).size, 4);
    },
  },
];

/** Writes until the store is full; answers how many writes were acknowledged. */
async function fillUp(engine: Engine): Promise<number> {
  for (let acknowledged = 0; acknowledged < 5000; acknowledged++) {
    const result = await engine.commit([note(engine, `s${acknowledged}`, "x".repeat(20_000))]).catch(() => undefined);
    if (result === undefined) return acknowledged;
  }
  return assert.fail("the store does not become full");
}
