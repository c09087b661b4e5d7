import assert from "node:assert/strict";
import type { Change, Engine, NewMessage, Settlement } from "../mod.ts";
import { append, enqueue, log, queue, rejection, statusOf, storedIn } from "./calls.ts";
import { keeps, note } from "./notes.ts";
import type { Rule } from "./rule.ts";

const receipt = { queue, id: "1", token: 1 };
const cell = { space: "s", key: "k" };

/** The change is refused as malformed, and the error names its index and field. */
async function assertMalformed(engine: Engine, change: Change, field: string): Promise<void> {
  const error = await rejection(() => engine.commit([enqueue("fine"), change]));
  assert.equal(error.code, "CHANGE", `${error.name} for ${JSON.stringify(change)}`);
  assert(error.message.includes("change 1"), `names the index: ${error.message}`);
  assert(error.message.includes(field), `names ${field}: ${error.message}`);
}

function settleAs(as: Settlement): Change {
  return { op: "settle", receipt, as };
}

async function assertMessagesMalformed(
  engine: Engine,
  cases: readonly (readonly [NewMessage, string])[],
): Promise<void> {
  for (const [message, field] of cases) await assertMalformed(engine, enqueue(message), field);
}

/** What is malformed is a fault of the caller, told before anything waits. */
export const malformedRules: readonly Rule[] = [
  {
    name: "a malformed message is a ChangeError that names its field",
    needs: ["messages", "lists"],
    run: async ({ engine }) => {
      const body = "x";
      const lone = "\ud800";
      await assertMessagesMalformed(engine, [
        [{ body, lane: 10 }, "lane"],
        [{ body, lane: -1 }, "lane"],
        [{ body, lane: 1.5 }, "lane"],
        [{ body, delayMs: -1 }, "delayMs"],
        [{ body, delayMs: Number.NaN }, "delayMs"],
        [{ body, delayMs: 0.5 }, "delayMs"],
        [{ body, delayMs: 1, dueAtMs: 1 }, "dueAtMs"],
        [{ body, dueAtMs: -1 }, "dueAtMs"],
        [{ body, key: "" }, "key"],
        [{ body: lone }, "body"],
        [{ body, headers: { trace: lone } }, "headers"],
        [{ body, dedup: { key: "", forMs: 1 } }, "dedup.key"],
        [{ body, dedup: { key: "k", forMs: 0 } }, "dedup.forMs"],
        [{ body, claimForMs: 0 }, "claimForMs"],
        [{ body, claimForMs: 1000, key: "k" }, "claimForMs"],
        [{ body, claimForMs: 1000, delayMs: 1 }, "claimForMs"],
        [{ body, claimForMs: 1000, dueAtMs: 5 }, "claimForMs"],
      ]);
    },
  },
  {
    name: "a malformed change of any kind is a ChangeError that names its field",
    needs: ["messages", "cells", "inbox", "lists"],
    run: async ({ engine }) => {
      const cases: readonly (readonly [Change, string])[] = [
        [{ ...enqueue("x"), queue: "" }, "queue"],
        [{ ...enqueue("x"), queue: "q".repeat(513) }, "queue"],
        [{ ...enqueue("x"), keyConcurrency: 0 }, "keyConcurrency"],
        [{ op: "redrive", queue: "q", ids: ["1"], keyConcurrency: 0 }, "keyConcurrency"],
        [{ op: "discard", queue: "q", ids: ["1"], state: "ready" as unknown as "dead" }, "state"],
        [{ ...enqueue("x"), depthMax: 0 }, "depthMax"],
        [settleAs({ kind: "retry", delayMs: -1 }), "delayMs"],
        [settleAs({ kind: "park", delayMs: -1 }), "delayMs"],
        [{ op: "hold", receipt: { ...receipt, token: 1.5 } }, "token"],
        [{ op: "append", log, stream: "s", expected: "any", events: [] }, "events"],
        [{ op: "append", log, stream: "s", expected: -1, events: [{ type: "T", data: "" }] }, "expected"],
        [{ op: "append", log, stream: "s", expected: "any", events: [{ type: "", data: "" }] }, "type"],
        [{ op: "append", log, stream: "s", expected: "any", events: [{ type: "T", data: "", schema: 0 }] }, "schema"],
        [{ op: "append", log, stream: "", expected: "any", events: [{ type: "T", data: "" }] }, "stream"],
        [{ op: "put", cell: { space: "", key: "k" }, expect: "any", value: "" }, "cell.space"],
        [{ op: "put", cell, expect: 0, value: "" }, "expect"],
        [{ op: "put", cell, expect: "any", value: "", expiresInMs: 0 }, "expiresInMs"],
        [{ op: "seen", consumer: "c", id: "1", keepMs: -1 }, "keepMs"],
      ];
      for (const [change, field] of cases)
        if (change.op !== "append" || keeps(engine, "events")) await assertMalformed(engine, change, field);
      assert.deepEqual(await storedIn(engine), [], "nothing of a malformed list is applied");
    },
  },
  {
    name: "a payload of payloadBytesMax passes, one byte more is a ChangeError",
    needs: ["messages", "cells", "lists"],
    run: async ({ engine }) => {
      const largest = "é".repeat(engine.can.payloadBytesMax >> 1).padEnd(engine.can.payloadBytesMax >> 1, "x");
      const above = `${largest}xx`;
      const kept = await engine.commit([
        enqueue(largest),
        note(engine, "s", largest),
        { op: "put", cell, expect: "any", value: largest },
      ]);
      assert.equal(kept.committed, true);
      assert.equal((await engine.get([cell]))[0]?.value, largest);
      await assertMalformed(engine, enqueue(above), "body");
      if (keeps(engine, "events")) await assertMalformed(engine, append("s", above), "data");
      await assertMalformed(engine, { op: "put", cell, expect: "any", value: above }, "value");
    },
  },
  {
    name: "a commit above changesMax is a ChangeError; messages of one enqueue count one each",
    needs: ["messages", "cells", "lists"],
    run: async ({ engine }) => {
      const count = engine.can.changesMax;
      const full = Array.from({ length: count }, () => ({ body: "x" }));
      assert.equal((await engine.commit([enqueue(...full)])).committed, true);
      assert.equal((await statusOf(engine)).ready, count);
      assert.equal((await rejection(() => engine.commit([enqueue(...full, { body: "x" })]))).code, "CHANGE");
      const checks = Array.from({ length: count + 1 }, (_, n): Change => ({
        op: "check",
        cell: { space: "s", key: `k${n}` },
        expect: "any",
      }));
      assert.equal((await rejection(() => engine.commit(checks))).code, "CHANGE");
    },
  },
  {
    name: "a request that cannot be is refused with ConfigError",
    needs: ["messages"],
    run: async ({ engine }) => {
      const calls = [
        () => engine.claim({ queue, count: 0, leaseMs: 1000 }),
        () => engine.claim({ queue, count: 1, leaseMs: 0 }),
        () => engine.claim({ queue, count: 1, leaseMs: 1000, crashesMax: 0 }),
        () => engine.claim({ queue: "", count: 1, leaseMs: 1000 }),
        () => engine.extend([receipt], -1),
        () => Array.fromAsync(engine.scan({ kind: "messages", queue, limit: 0 })),
      ];
      const ofLogs = [
        () => engine.read({ log, after: -1, limit: 1 }),
        () => engine.read({ log, after: 0, limit: 0 }),
        () => engine.read({ log, after: 0, limit: 1, partition: { index: 2, count: 2 } }),
        () => engine.stream({ log, stream: "s", after: 0, limit: 0 }),
      ];
      for (const call of keeps(engine, "events") ? [...calls, ...ofLogs] : calls)
        assert.equal((await rejection(call)).code, "CONFIG", String(call));
    },
  },
  {
    name: "texts come back as they were: empty, long, quoted, with zero bytes and beyond the basic plane",
    needs: ["messages", "cells", "lists"],
    run: async ({ engine }) => {
      for (const text of ["", "'\"\\;--", "a\0b", "\0", "😀 ß\u2028", "x".repeat(100_000), '{"a":1}']) {
        const data = {
          op: "append",
          log,
          stream: "s",
          expected: "any",
          events: [{ type: "T", data: text, meta: text }],
        } as const;
        await engine.commit([
          ...(keeps(engine, "events") ? [data] : []),
          { op: "put", cell, expect: "any", value: text },
          enqueue({ body: text, headers: { h: text } }),
        ]);
        if (keeps(engine, "events")) {
          const [event] = (await engine.stream({ log, stream: "s", after: 0, limit: 100 })).slice(-1);
          assert.deepEqual([event?.data, event?.meta], [text, text]);
        }
        assert.equal((await engine.get([cell]))[0]?.value, text);
        const { claims } = await engine.claim({ queue, count: 1, leaseMs: 1000 });
        assert.deepEqual([claims[0]?.body, claims[0]?.headers], [text, { h: text }]);
      }
    },
  },
];
