import assert from "node:assert/strict";
import type { Change, ExpectedCell } from "../mod.ts";
import {
  add,
  ack,
  append,
  bodies,
  committed,
  enqueue,
  log,
  queue,
  refused,
  rejection,
  statusOf,
  take,
  takeOne,
} from "./calls.ts";
import { keeps, note, notedAs, notesOf } from "./notes.ts";
import type { Rule } from "./rule.ts";

const cell = { space: "s", key: "k" };

/** What a commit is: atomic, judged alone, in order, bounded. */
export const commitRules: readonly Rule[] = [
  {
    name: "a list counts as it was at the call, whatever its array becomes",
    needs: ["messages"],
    run: async ({ engine }) => {
      const changes: Change[] = [enqueue("1")];
      const committing = engine.commit(changes);
      changes[0] = enqueue("2");
      changes.push(enqueue("3"));
      const result = await committing;
      assert(result.committed && result.outcomes.length === 1);
      assert.deepEqual(bodies(await take(engine, 9)), ["1"]);
    },
  },
  {
    name: "an empty commit passes and changes nothing",
    run: async ({ engine }) => assert.deepEqual(await engine.commit([]), { committed: true, outcomes: [] }),
  },
  {
    name: "a refused list leaves no trace, whichever of its changes is refused",
    needs: ["messages", "cells", "inbox", "lists"],
    run: async ({ engine }) => {
      const other = { space: "s", key: "other" };
      const refusing: Change = keeps(engine, "events")
        ? append("a", "x", { expected: 5 })
        : { op: "check", cell: other, expect: 5 };
      await committed(engine, note(engine, "a", "1"));
      const { index, refusal } = await refused(
        engine,
        enqueue("job"),
        note(engine, "b"),
        { op: "put", cell, expect: "any", value: "v" },
        { op: "seen", consumer: "c", id: "1", keepMs: 1000 },
        refusing,
      );
      assert.equal(index, 4);
      const expected = keeps(engine, "events")
        ? { kind: "version-conflict", log, stream: "a", expected: 5, actual: 1 }
        : { kind: "cell-conflict", cell: other, expected: 5, actual: undefined };
      assert.deepEqual(refusal, expected);
      assert.deepEqual(await take(engine), []);
      assert.deepEqual(await engine.get([cell]), [undefined]);
      assert.equal((await notesOf(engine)).size, 1);
      await committed(engine, { op: "seen", consumer: "c", id: "1", keepMs: 1000 });
      const [outcome] = await committed(engine, note(engine, "b", "1"));
      if (outcome?.op === "append") assert.deepEqual(outcome, { op: "append", version: 1, position: 2 });
    },
  },
  {
    name: "the first change of a list that does not pass is the one reported",
    needs: ["cells", "lists"],
    run: async ({ engine }) => {
      const { index, refusal } = await refused(
        engine,
        { op: "check", cell, expect: "any" },
        { op: "check", cell: { space: "s", key: "other" }, expect: "present" },
        { op: "check", cell: { space: "s", key: "third" }, expect: 3 },
      );
      assert.equal(index, 1);
      assert.equal(refusal.kind, "cell-conflict");
    },
  },
  {
    name: "lists of one turn are judged alone: a loser does not disturb its neighbours",
    needs: ["messages", "cells", "lists"],
    run: async ({ engine }) => {
      const put = (key: string, expect: ExpectedCell, value: string): Change => ({
        op: "put",
        cell: { space: "s", key },
        expect,
        value,
      });
      const results = await Promise.all([
        engine.commit([put("a", "absent", "1")]),
        engine.commit([put("a", "absent", "lost"), enqueue("lost")]),
        engine.commit([put("a", "present", "2")]),
        engine.commit([put("b", "present", "1")]),
        engine.commit([enqueue("kept")]),
      ]);
      assert.deepEqual(
        results.map((result) => result.committed),
        [true, false, true, false, true],
      );
      const [a, b] = await engine.get([
        { space: "s", key: "a" },
        { space: "s", key: "b" },
      ]);
      assert.deepEqual([a?.value, b], ["2", undefined]);
      assert.deepEqual(bodies(await take(engine, 10)), ["kept"]);
    },
  },
  {
    name: "effects come in the order of the calls: commits, claims and extensions of one turn",
    needs: ["messages"],
    run: async ({ engine }) => {
      const calls = [
        engine.commit([enqueue("1")]),
        engine.claim({ queue, count: 5, leaseMs: 1000 }),
        engine.commit([enqueue("2")]),
        engine.claim({ queue, count: 5, leaseMs: 1000 }),
      ] as const;
      const [, first, , second] = await Promise.all(calls);
      assert.deepEqual(bodies(first.claims), ["1"]);
      assert.deepEqual(bodies(second.claims), ["2"]);
    },
  },
  {
    name: "preconditions of a list are checked against the state before it, not against its own effects",
    needs: ["messages", "lists"],
    run: async ({ engine }) => {
      await add(engine, "a", "b");
      const claim = await takeOne(engine);
      const settle: Change = { op: "settle", receipt: claim.receipt, as: ack };
      const { index, refusal } = await refused(engine, settle, { ...enqueue("c"), depthMax: 2 });
      assert.equal(index, 1);
      assert.deepEqual(refusal, { kind: "queue-full", queue, depth: 2, depthMax: 2 });
      assert.equal((await statusOf(engine)).running, 1);
    },
  },
  {
    name: "everything of one list becomes visible together",
    needs: ["messages", "cells", "inbox", "lists"],
    run: async ({ engine }) => {
      const claim = await add(engine, "job").then(() => takeOne(engine));
      await committed(
        engine,
        { op: "settle", receipt: claim.receipt, as: ack },
        note(engine, "order", "paid"),
        { op: "put", cell, expect: "absent", value: "1" },
        { op: "seen", consumer: "c", id: claim.receipt.id, keepMs: 1000 },
        enqueue("next"),
        { op: "flow", queue: "other", to: "paused" },
      );
      assert.deepEqual(bodies(await take(engine, 10)), ["next"]);
      assert.equal(await notedAs(engine, "order"), "paid");
      assert.equal((await engine.get([cell]))[0]?.value, "1");
      assert.equal((await statusOf(engine, "other")).flow, "paused");
    },
  },
  {
    name: "a thousand lists of one turn all pass, in order",
    needs: ["messages"],
    run: async ({ engine }) => {
      const bodiesInOrder = Array.from({ length: 1000 }, (_, n) => String(n));
      const added = await Promise.all(bodiesInOrder.map((body) => engine.commit([enqueue(body)])));
      assert(added.every((result) => result.committed));
      const stored = await Array.fromAsync(engine.scan({ kind: "messages", queue }));
      assert.deepEqual(bodies(stored), bodiesInOrder);
      if (!keeps(engine, "events")) return;
      const results = await Promise.all(bodiesInOrder.map((data) => engine.commit([append("s", data)])));
      const positions = results.map((result) => {
        assert(result.committed);
        const [outcome] = result.outcomes;
        assert(outcome?.op === "append");
        return outcome.position;
      });
      assert.deepEqual(
        positions,
        Array.from({ length: 1000 }, (_, n) => n + 1),
      );
    },
  },
  {
    name: "a list that names a stream, cell, receipt or inbox entry twice is a ChangeError",
    needs: ["messages", "cells", "inbox", "lists"],
    run: async ({ engine }) => {
      const receipt = { queue, id: "1", token: 1 };
      const lists: readonly (readonly Change[])[] = [
        ...(keeps(engine, "events") ? [[append("a", "1"), append("a", "2")]] : []),
        [
          { op: "put", cell, expect: "any", value: "" },
          { op: "check", cell, expect: "any" },
        ],
        [
          { op: "hold", receipt },
          { op: "settle", receipt, as: ack },
        ],
        [
          { op: "seen", consumer: "c", id: "1", keepMs: 1 },
          { op: "seen", consumer: "c", id: "1", keepMs: 2 },
        ],
      ];
      for (const list of lists) assert.equal((await rejection(() => engine.commit(list))).code, "CHANGE");
      // Names that only look alike when joined are different ones.
      const put = (space: string, key: string): Change => ({
        op: "put",
        cell: { space, key },
        expect: "any",
        value: "",
      });
      await committed(engine, put("a", "b:c"), put("a:b", "c"), put("a/b", "c"), put("a", "b/c"));
    },
  },
  {
    name: "after disposal every call rejects with DisposedError, and what waited has been committed",
    needs: ["messages", "cells"],
    run: async ({ engine }) => {
      let isAnswered = false;
      const waiting = engine.commit([enqueue("1")]).finally(() => (isAnswered = true));
      const disposal = engine[Symbol.asyncDispose]();
      const late = rejection(() => engine.commit([enqueue("2")]));
      await disposal;
      assert(isAnswered, "disposal ends after what waited");
      assert.equal((await waiting).committed, true);
      await engine[Symbol.asyncDispose]();
      assert.equal((await late).code, "DISPOSED");
      assert.equal((await rejection(() => engine.claim({ queue, count: 1, leaseMs: 1000 }))).code, "DISPOSED");
      if (keeps(engine, "events"))
        assert.equal((await rejection(() => engine.read({ log, after: 0, limit: 1 }))).code, "DISPOSED");
      assert.equal((await rejection(() => engine.get([cell]))).code, "DISPOSED");
    },
  },
];
