import assert from "node:assert/strict";
import { seededRandom } from "../../random/mod.ts";
import type { Change, Engine } from "../mod.ts";
import { auditEngine } from "./audit.ts";
import {
  ack,
  add,
  append,
  bodies,
  committed,
  enqueue,
  leaseMs,
  log,
  queue,
  refused,
  settle,
  statusOf,
  take,
  takeOne,
} from "./calls.ts";
import { note, notedAs, notesOf } from "./notes.ts";
import type { Bed, Rule } from "./rule.ts";

/** The engines on the data of this bed: two, where they can share it. */
async function engines({ engine, fixture }: Bed): Promise<readonly [Engine, Engine]> {
  return [engine, (await fixture.openAnother?.()) ?? engine];
}

async function count(engine: Engine, cell: { readonly space: string; readonly key: string }): Promise<number> {
  return Number((await engine.get([cell]))[0]?.value ?? 0);
}

/** Follows a log until it has seen `total` events, as a subscriber does. */
async function follow(engine: Engine, total: number): Promise<readonly number[]> {
  const positions: number[] = [];
  for (let after = 0; positions.length < total;) {
    const { events, through } = await engine.read({ log, after, limit: 7 });
    positions.push(...events.map((event) => event.position));
    assert(through >= after, "a checkpoint does not fall");
    after = through;
    // Gives the writers a turn, whatever the engine.
    await engine.commit([]);
  }
  return positions;
}

const effect = { space: "effects", key: "charged" };

/** Failure scenarios in which several act at once. The numbers are those of the study's list of 25. */
export const raceScenarios: readonly Rule[] = [
  {
    name: "scenario 3: of a slow worker that outlives its lease nothing counts; the second worker's result does",
    needs: ["messages", "cells", "lists"],
    run: async (bed) => {
      const [slow, quick] = await engines(bed);
      await add(slow, "job");
      const lost = await takeOne(slow);
      await bed.clock.advance(3 * leaseMs);
      const current = await takeOne(quick);
      const progress: Change = { op: "put", cell: effect, expect: "any", value: "slow" };
      assert.deepEqual(await slow.extend([lost.receipt], leaseMs), [false]);
      await refused(slow, { op: "hold", receipt: lost.receipt }, progress);
      await refused(slow, progress, { op: "settle", receipt: lost.receipt, as: ack });
      await committed(quick, { ...progress, value: "quick" }, { op: "settle", receipt: current.receipt, as: ack });
      await refused(slow, { op: "settle", receipt: lost.receipt, as: { kind: "dead", reason: "late" } });
      assert.equal((await slow.get([effect]))[0]?.value, "quick");
      assert.equal((await statusOf(slow)).dead, 0);
    },
  },
  {
    name: "scenario 5: a delivery that reaches two consumers has one effect and one acknowledgement",
    needs: ["messages", "inbox", "lists", "notes"],
    run: async (bed) => {
      const [first, second] = await engines(bed);
      await add(first, "job");
      const { receipt } = await takeOne(first);
      const handle: readonly Change[] = [
        { op: "seen", consumer: "billing", id: receipt.id, keepMs: 60_000 },
        note(first, `account-${receipt.id}`, "charged"),
        { op: "settle", receipt, as: ack },
      ];
      const results = await Promise.all([first.commit(handle), second.commit(handle)]);
      assert.equal(results.filter((result) => result.committed).length, 1);
      assert.equal((await notesOf(first)).size, 1);
    },
  },
  {
    name: "scenario 6: 64 concurrent enqueues with one dedup key add one message, and all get its id",
    needs: ["messages"],
    run: async (bed) => {
      const both = await engines(bed);
      const once = enqueue({ body: "job", dedup: { key: "order-1", forMs: 60_000 } });
      const calls = Array.from({ length: 64 }, (_, n) => committed(both[n % 2] ?? bed.engine, once));
      const answers = (await Promise.all(calls)).map(([outcome]) =>
        outcome?.op === "enqueue" ? outcome.messages[0] : undefined,
      );
      assert.equal(new Set(answers.map((answer) => answer?.id)).size, 1);
      assert.equal(answers.filter((answer) => answer?.status === "added").length, 1);
      assert.equal((await statusOf(bed.engine)).ready, 1);
    },
  },
  {
    name: "scenario 7: a commit whose outcome is unknown is repeated under its operation id without a second effect",
    needs: ["messages", "inbox", "lists", "notes"],
    run: async ({ engine }) => {
      const operation: readonly Change[] = [
        { op: "seen", consumer: "operations", id: "op-1", keepMs: 60_000 },
        note(engine, "account", "charged"),
        enqueue({ body: "mail", dedup: { key: "op-1", forMs: 60_000 } }),
      ];
      await committed(engine, ...operation);
      assert.equal((await refused(engine, ...operation)).refusal.kind, "already-seen");
      assert.deepEqual([(await statusOf(engine)).ready, (await notesOf(engine)).size], [1, 1]);
    },
  },
  {
    name: "scenario 12: a reader during concurrent appends of 16 writers sees every event once, in order, without a gap",
    needs: ["events"],
    run: async (bed) => {
      const [writer, reader] = await engines(bed);
      const random = seededRandom(12);
      const writers = Array.from({ length: 16 }, async (_, w) => {
        for (let n = 0; n < 10; n++) {
          for (let turns = random.integer(0, 3); turns > 0; turns--) await writer.commit([]);
          await committed(n % 2 === 0 ? writer : reader, append(`s${w}`, String(n), { expected: n }));
        }
      });
      const seen = await follow(reader, 160);
      await Promise.all(writers);
      assert.deepEqual(
        seen,
        Array.from({ length: 160 }, (_, n) => n + 1),
      );
    },
  },
  {
    name: "scenario 13: refused appends leave no gap, and no reader stalls",
    needs: ["events", "lists"],
    run: async (bed) => {
      const [writer, reader] = await engines(bed);
      const writers = Array.from({ length: 16 }, async (_, w) => {
        for (let n = 0; n < 10; n++) {
          if ((w + n) % 5 === 0)
            await refused(writer, append(`t${w}`, "no"), append(`s${w}`, "no", { expected: n + 1 }));
          await committed(writer, append(`s${w}`, String(n), { expected: n }));
        }
      });
      const seen = await follow(reader, 160);
      await Promise.all(writers);
      assert.equal(seen.at(-1), 160);
      assert.deepEqual(await reader.stream({ log, stream: "t0", after: 0, limit: 1 }), []);
    },
  },
  {
    name: "scenario 14: a scan that is held open stalls neither commits nor claims nor readers",
    needs: ["messages", "notes"],
    run: async (bed) => {
      const [engine, other] = await engines(bed);
      await add(engine, ...Array.from({ length: 2500 }, (_, n) => String(n)));
      const held = other.scan({ kind: "messages", queue, limit: 2500 })[Symbol.asyncIterator]();
      assert.equal((await held.next()).done, false);
      for (let n = 0; n < 20; n++) {
        await committed(engine, note(engine, `s${n}`));
        await settle(engine, (await takeOne(engine)).receipt, ack);
      }
      assert.equal((await notesOf(other)).size, 20);
      let rows = 1;
      const ids = new Set<string>();
      for (let row = await held.next(); row.done !== true; row = await held.next(), rows++) ids.add(row.value.id);
      assert.equal(ids.size, rows - 1, "no row is shown twice");
      assert(rows >= 2480, "rows that nobody touched are shown");
    },
  },
  {
    name: "scenario 15: of 64 writers on one stream each accepted append has a version of its own; losers learn the actual one",
    needs: ["events"],
    run: async (bed) => {
      const both = await engines(bed);
      const accepted: number[] = [];
      const writers = Array.from({ length: 64 }, async (_, n) => {
        const engine = both[n % 2] ?? bed.engine;
        for (let expected = 0; ;) {
          const result = await engine.commit([append("hot", String(n), { expected })]);
          if (result.committed) {
            const [outcome] = result.outcomes;
            assert(outcome?.op === "append" && outcome.version === expected + 1);
            return void accepted.push(outcome.version);
          }
          assert(result.refusal.kind === "version-conflict" && result.refusal.actual > expected);
          expected = result.refusal.actual;
        }
      });
      await Promise.all(writers);
      assert.deepEqual(
        accepted.toSorted((left, right) => left - right),
        Array.from({ length: 64 }, (_, n) => n + 1),
      );
    },
  },
  {
    name: "scenario 18: of two projections with one checkpoint each batch counts once",
    needs: ["cells", "events", "lists"],
    run: async (bed) => {
      const both = await engines(bed);
      for (let n = 0; n < 30; n++) await committed(bed.engine, append(`s${n % 4}`, "1"));
      const checkpoint = { space: "checkpoints", key: "sum" };
      const project = async (engine: Engine): Promise<void> => {
        for (;;) {
          const [at, sum] = await engine.get([checkpoint, effect]);
          const { events, through, head } = await engine.read({ log, after: Number(at?.value ?? 0), limit: 3 });
          if (events.length === 0) return assert.equal(through, head);
          await engine.commit([
            { op: "put", cell: checkpoint, expect: at?.version ?? "absent", value: String(through) },
            { op: "put", cell: effect, expect: "any", value: String(Number(sum?.value ?? 0) + events.length) },
          ]);
        }
      };
      await Promise.all(both.map((engine) => project(engine)));
      assert.equal(await count(bed.engine, effect), 30);
    },
  },
  {
    name: "scenario 20: a step of a run is recorded once, by whoever holds the run",
    needs: ["messages", "cells", "lists"],
    run: async (bed) => {
      const [first, second] = await engines(bed);
      await add(first, "run");
      const lost = await takeOne(first);
      const step = (name: string): Change => ({
        op: "put",
        cell: { space: "steps", key: name },
        expect: "absent",
        value: "done",
      });
      await committed(first, { op: "hold", receipt: lost.receipt }, step("charge"));
      await bed.clock.advance(leaseMs);
      const current = await takeOne(second);
      await refused(first, { op: "hold", receipt: lost.receipt }, step("ship"));
      await refused(second, { op: "hold", receipt: current.receipt }, step("charge"));
      await committed(second, step("ship"), { op: "settle", receipt: current.receipt, as: ack });
    },
  },
  {
    name: "scenario 22: no order of a signal and a park loses the signal, nor handles it twice",
    needs: ["messages", "lists", "notes"],
    run: async ({ engine }) => {
      for (const order of [
        "before the claim",
        "before the look",
        "before the park",
        "with the park",
        "after the park",
      ] as const) {
        const [id = ""] = await add(engine, "run");
        const signal = (): Promise<unknown> =>
          committed(engine, note(engine, `signals-${id}`, order), { op: "wake", queue, ids: [id] });
        if (order === "before the claim") await signal();
        const { receipt } = await takeOne(engine);
        if (order === "before the look") await signal();
        const buffered = await notedAs(engine, `signals-${id}`);
        if (order === "before the park") await signal();
        const park: Change = { op: "settle", receipt, as: { kind: "park", delayMs: undefined } };
        if (order === "with the park") await Promise.all([signal(), committed(engine, park)]);
        else await committed(engine, park);
        if (order === "after the park") await signal();
        const again = await take(engine);
        const handled = (buffered === undefined ? 0 : 1) + again.length;
        assert(handled >= 1, `${order}: the signal is seen`);
        assert.equal(await notedAs(engine, `signals-${id}`), order);
        for (const claim of again) await settle(engine, claim.receipt, ack);
        await committed(engine, { op: "discard", queue, ids: [id] });
      }
    },
  },
  {
    name: "scenario 23: a leader whose lease ran out writes nothing; the token of the new one is higher",
    needs: ["cells", "lists"],
    run: async (bed) => {
      const [old, next] = await engines(bed);
      const lead = { space: "leaders", key: "billing" };
      const elect = async (engine: Engine, name: string): Promise<number> => {
        const [outcome] = await committed(engine, {
          op: "put",
          cell: lead,
          expect: "absent",
          value: name,
          expiresInMs: 1000,
        });
        assert(outcome?.op === "put");
        return outcome.version;
      };
      const oldToken = await elect(old, "old");
      await refused(next, { op: "put", cell: lead, expect: "absent", value: "next" });
      await bed.clock.advance(1000);
      const nextToken = await elect(next, "next");
      assert(nextToken > oldToken);
      const write: Change = { op: "put", cell: effect, expect: "any", value: "old" };
      await refused(old, { op: "check", cell: lead, expect: oldToken }, write);
      await refused(old, { op: "put", cell: lead, expect: oldToken, value: "old", expiresInMs: 1000 });
      await committed(next, { op: "check", cell: lead, expect: nextToken }, { ...write, value: "next" });
    },
  },
  {
    name: "scenario 24: an outgoing message and the settlement that caused it are one: both or neither",
    needs: ["messages", "lists"],
    run: async (bed) => {
      const [first, second] = await engines(bed);
      await add(first, "order");
      const lost = await takeOne(first);
      const out = { op: "enqueue", queue: "outbox", messages: [{ body: "mail", key: "customer" }] } as const;
      await bed.clock.advance(leaseMs);
      const current = await takeOne(second);
      await refused(first, out, { op: "settle", receipt: lost.receipt, as: ack });
      await committed(second, out, { op: "settle", receipt: current.receipt, as: ack });
      const { claims } = await first.claim({ queue: "outbox", count: 9, leaseMs });
      assert.deepEqual(bodies(claims), ["mail"]);
    },
  },
  {
    name: "two engines on one data never hand out one message twice, nor lose one",
    needs: ["messages"],
    run: async (bed) => {
      const both = await engines(bed);
      await add(
        bed.engine,
        ...Array.from({ length: 300 }, (_, n) => ({ body: String(n), key: n % 3 === 0 ? `k${n % 9}` : undefined })),
      );
      const handled: string[] = [];
      const work = async (engine: Engine): Promise<void> => {
        for (let idle = 0; idle < 3;) {
          const claims = await take(engine, 7);
          idle = claims.length === 0 ? idle + 1 : 0;
          for (const claim of claims) await settle(engine, claim.receipt, ack);
          handled.push(...bodies(claims));
        }
      };
      await Promise.all([...both, ...both].map((engine) => work(engine)));
      assert.equal(handled.length, 300);
      assert.equal(new Set(handled).size, 300);
    },
  },
  {
    name: "16 workers of four engines on one key: in order, one at a time, each once",
    needs: ["messages"],
    run: async (bed) => {
      const [first, second] = await engines(bed);
      const four = [first, second, ...(await engines(bed)).slice(1), ...(await engines(bed)).slice(1)];
      const sent = Array.from({ length: 60 }, (_, n) => String(n));
      await add(first, ...sent.map((body) => ({ body, key: "k" })));
      const handled: string[] = [];
      let running = 0;
      const work = async (engine: Engine): Promise<void> => {
        while (handled.length < sent.length) {
          for (const { receipt, body } of await take(engine, 4)) {
            assert.equal((running += 1), 1, "one at a time");
            handled.push(body);
            await engine.commit([]);
            running -= 1;
            await settle(engine, receipt, ack);
          }
        }
      };
      await Promise.all(Array.from({ length: 16 }, (_, n) => work(four[n % 4] ?? first)));
      assert.deepEqual(handled, sent);
      await auditEngine(first, [queue], []);
    },
  },
];
