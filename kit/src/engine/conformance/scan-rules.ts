import assert from "node:assert/strict";
import type { Engine, ScanQuery } from "../mod.ts";
import { add, append, bodies, committed, kill, log, queue, take, takeOne } from "./calls.ts";
import { keeps } from "./notes.ts";
import type { Rule } from "./rule.ts";

async function cellKeys(
  engine: Engine,
  query: Partial<Extract<ScanQuery, { kind: "cells" }>>,
): Promise<readonly string[]> {
  const rows = await Array.fromAsync(engine.scan({ kind: "cells", space: "s", ...query }));
  return rows.map((row) => row.key);
}

/** Inspection and bells. */
export const scanRules: readonly Rule[] = [
  {
    name: "messages are listed by id, by state, in pages",
    needs: ["messages"],
    run: async ({ engine }) => {
      const ids = await add(engine, { body: "a", lane: 9 }, "b", { body: "c", delayMs: 10 }, "d");
      await kill(engine, (await takeOne(engine)).receipt);
      const list = async (query: object): Promise<readonly string[]> =>
        bodies(await Array.fromAsync(engine.scan({ kind: "messages", queue, ...query })));
      assert.deepEqual(await list({}), ["a", "b", "c", "d"]);
      assert.deepEqual(await list({ limit: 2 }), ["a", "b"]);
      assert.deepEqual(await list({ after: ids[1], limit: 2 }), ["c", "d"]);
      assert.deepEqual(await list({ state: "ready" }), ["a", "d"]);
      assert.deepEqual(await list({ state: "ready", limit: 1, after: ids[0] }), ["d"]);
      assert.deepEqual(await list({ state: "dead" }), ["b"]);
      assert.deepEqual(await Array.fromAsync(engine.scan({ kind: "messages", queue: "none" })), []);
    },
  },
  {
    name: "ids are in numeric order, also where their texts are not",
    needs: ["messages"],
    run: async ({ engine }) => {
      const ids = await add(engine, ...Array.from({ length: 120 }, (_, n) => String(n)));
      const rows = await Array.fromAsync(engine.scan({ kind: "messages", queue }));
      assert.deepEqual(
        rows.map((row) => row.id),
        ids,
      );
    },
  },
  {
    name: "a scan without a limit yields every row, across pages",
    needs: ["messages"],
    run: async ({ engine }) => {
      await add(engine, ...Array.from({ length: 1100 }, (_, n) => String(n)));
      assert.equal((await Array.fromAsync(engine.scan({ kind: "messages", queue }))).length, 1100);
      assert.equal((await Array.fromAsync(engine.scan({ kind: "messages", queue, limit: 700 }))).length, 700);
    },
  },
  {
    name: "cells are listed by key in code point order, by prefix, in pages",
    needs: ["cells"],
    run: async ({ engine }) => {
      const keys = ["b", "a%", "a_1", "a", "B", "ab", "\u{1f600}", "\uffee", "é", "a\u{10ffff}"];
      for (const key of keys)
        await committed(engine, { op: "put", cell: { space: "s", key }, expect: "any", value: "" });
      await committed(engine, { op: "put", cell: { space: "t", key: "x" }, expect: "any", value: "" });
      const sorted = ["B", "a", "a%", "a_1", "ab", "a\u{10ffff}", "b", "é", "\uffee", "\u{1f600}"];
      assert.deepEqual(await cellKeys(engine, {}), sorted);
      assert.deepEqual(await cellKeys(engine, { prefix: "a" }), sorted.slice(1, 6));
      assert.deepEqual(await cellKeys(engine, { prefix: "a", after: "a%", limit: 2 }), ["a_1", "ab"]);
      assert.deepEqual(await cellKeys(engine, { prefix: "a_" }), ["a_1"], "no pattern characters");
      assert.deepEqual(await cellKeys(engine, { after: "\uffee" }), ["\u{1f600}"]);
      await committed(engine, { op: "put", cell: { space: "s", key: "ab" }, expect: "any", value: undefined });
      await committed(engine, { op: "put", cell: { space: "s", key: "aa" }, expect: "any", value: "" });
      assert.deepEqual(await cellKeys(engine, { prefix: "a" }), ["a", "a%", "a_1", "aa", "a\u{10ffff}"]);
    },
  },
  {
    name: "streams are listed by name with their versions",
    needs: ["events", "lists"],
    run: async ({ engine }) => {
      await committed(engine, append("b-1", "x"), append("a-2", "x"), append("a-1", "x"));
      await committed(engine, append("a-2", "x"));
      const rows = await Array.fromAsync(engine.scan({ kind: "streams", log, prefix: "a-" }));
      assert.deepEqual(rows, [
        { stream: "a-1", version: 1 },
        { stream: "a-2", version: 2 },
      ]);
      assert.deepEqual(await Array.fromAsync(engine.scan({ kind: "streams", log, after: "a-2", limit: 1 })), [
        { stream: "b-1", version: 1 },
      ]);
    },
  },
  {
    name: "queues are listed by name once an enqueue or a flow has named them; reads make none",
    needs: ["messages"],
    run: async ({ engine }) => {
      await take(engine);
      assert.deepEqual(await Array.fromAsync(engine.scan({ kind: "queues" })), []);
      await committed(engine, { op: "flow", queue: "z", to: "paused" });
      await add(engine, "a");
      const rows = await Array.fromAsync(engine.scan({ kind: "queues" }));
      assert.deepEqual(
        rows.map((row) => [row.queue, row.flow, row.ready]),
        [
          [queue, "open", 1],
          ["z", "paused", 0],
        ],
      );
      assert.deepEqual(await Array.fromAsync(engine.scan({ kind: "queues", queue: "none" })), []);
    },
  },
  {
    name: "a scan that is left early leaves nothing open",
    needs: ["messages"],
    run: async ({ engine }) => {
      await add(engine, ...Array.from({ length: 50 }, (_, n) => String(n)));
      for await (const row of engine.scan({ kind: "messages", queue })) {
        await committed(engine, { op: "discard", queue, ids: [row.id] });
        if (row.body === "10") break;
      }
      assert.equal((await take(engine, 100)).length, 39);
    },
  },
  {
    name: "a bell rings for its topics after a commit, once a turn, and not after its disposal",
    needs: ["messages", "cells"],
    run: async ({ engine, clock }) => {
      const rung: string[] = [];
      const listen = (topic: "queue:jobs" | "log:ledger" | "cells:s"): Disposable =>
        engine.bell([topic], () => void rung.push(topic));
      const bells = [
        listen("queue:jobs"),
        listen("cells:s"),
        ...(keeps(engine, "events") ? [listen("log:ledger")] : []),
      ];
      const ofLogs = [[() => committed(engine, append("s", "x")), "log:ledger"]] as const;
      const cases = [
        [() => add(engine, "a"), "queue:jobs"],
        ...(keeps(engine, "events") ? ofLogs : []),
        [() => committed(engine, { op: "put", cell: { space: "s", key: "k" }, expect: "any", value: "" }), "cells:s"],
        [() => add(engine, { body: "later", delayMs: 60_000 }), "queue:jobs"],
      ] as const;
      for (const [work, topic] of cases) {
        rung.length = 0;
        await work();
        await clock.settle();
        assert(rung.includes(topic), `${topic} rings`);
      }
      rung.length = 0;
      await Promise.all(Array.from({ length: 20 }, () => add(engine, "x")));
      await clock.settle();
      assert(rung.length >= 1 && rung.length <= 5, `${rung.length} rings for 20 commits of one turn`);
      for (const bell of bells) bell[Symbol.dispose]();
      rung.length = 0;
      await add(engine, "b");
      await clock.settle();
      assert.deepEqual(rung, []);
    },
  },
  {
    name: "a bell rings when work comes back or is let in: retry, wake, redrive, flow, key",
    needs: ["messages"],
    run: async ({ engine, clock }) => {
      let rings = 0;
      using _bell = engine.bell([`queue:${queue}`], () => void rings++);
      const rang = async (what: string, work: () => Promise<unknown>): Promise<void> => {
        await clock.settle();
        const before = rings;
        await work();
        await clock.settle();
        assert(rings > before, `${what} rings`);
      };
      await add(engine, { body: "1", key: "k" }, { body: "2", key: "k" });
      const settleNext = async (
        as: { readonly kind: "ack" } | { readonly kind: "retry"; readonly delayMs: number },
      ) => {
        const { receipt } = await takeOne(engine);
        await rang(as.kind, () => committed(engine, { op: "settle", receipt, as }));
        return receipt.id;
      };
      await settleNext({ kind: "ack" });
      const id = await settleNext({ kind: "retry", delayMs: 1000 });
      await rang("wake", () => committed(engine, { op: "wake", queue, ids: [id] }));
      await kill(engine, (await takeOne(engine)).receipt);
      await rang("redrive", () => committed(engine, { op: "redrive", queue, ids: [id] }));
      await committed(engine, { op: "flow", queue, to: "paused" });
      await rang("flow", () => committed(engine, { op: "flow", queue, to: "open" }));
    },
  },
];
