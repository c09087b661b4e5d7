import assert from "node:assert/strict";
import { hash32 } from "../../codec/mod.ts";
import { streamSlots, type ExpectedVersion, type RecordedEvent } from "../mod.ts";
import { append, committed, log, refused } from "./calls.ts";
import type { Bed, Rule } from "./rule.ts";

async function readAll({ engine }: Bed, name: string = log): Promise<readonly RecordedEvent[]> {
  return (await engine.read({ log: name, after: 0, limit: 10_000 })).events;
}

/** Appends and reads. */
export const logRules: readonly Rule[] = [
  {
    name: "positions of a log and versions of a stream are 1, 2, 3 … without gaps, whatever is refused between",
    needs: ["events"],
    run: async (bed) => {
      const { engine } = bed;
      for (let n = 0; n < 60; n++) {
        const stream = `s${n % 3}`;
        const current = Math.floor(n / 3);
        if (n % 5 === 0) await refused(engine, append(stream, "no", { expected: current + 1 }));
        await committed(engine, append(stream, String(n), { expected: current }));
      }
      const events = await readAll(bed);
      assert.deepEqual(
        events.map((event) => event.position),
        Array.from({ length: 60 }, (_, n) => n + 1),
      );
      for (const stream of ["s0", "s1", "s2"]) {
        const versions = (await engine.stream({ log, stream, after: 0, limit: 100 })).map((event) => event.version);
        assert.deepEqual(
          versions,
          Array.from({ length: 20 }, (_, n) => n + 1),
        );
      }
    },
  },
  {
    name: "every expected version is enforced: exact, 0, new, existing, any",
    needs: ["events"],
    run: async ({ engine }) => {
      const cases: readonly (readonly [ExpectedVersion, number, boolean])[] = [
        [0, 0, true],
        [1, 0, false],
        ["new", 0, true],
        ["existing", 0, false],
        ["any", 0, true],
        [0, 2, false],
        [1, 2, false],
        [2, 2, true],
        [3, 2, false],
        ["new", 2, false],
        ["existing", 2, true],
        ["any", 2, true],
      ];
      for (const [index, [expected, actual, passes]] of cases.entries()) {
        const stream = `s${index}`;
        for (let n = 0; n < actual; n++) await committed(engine, append(stream, "x"));
        if (passes) {
          const [outcome] = await committed(engine, append(stream, "x", { expected }));
          assert(outcome?.op === "append");
          assert.equal(outcome.version, actual + 1);
        } else {
          const { refusal } = await refused(engine, append(stream, "x", { expected }));
          assert.deepEqual(refusal, { kind: "version-conflict", log, stream, expected, actual });
        }
      }
    },
  },
  {
    name: "events of one append are consecutive, and the outcome names the last",
    needs: ["events"],
    run: async (bed) => {
      const events = [
        { type: "A", data: "1" },
        { type: "B", data: "2", schema: 3, meta: '{"by":"me"}' },
      ];
      await committed(bed.engine, append("other", "x"));
      const change = { op: "append", log, stream: "s", expected: "new", events } as const;
      assert.deepEqual(await committed(bed.engine, change), [{ op: "append", version: 2, position: 3 }]);
      const recordedAtMs = bed.clock.now();
      assert.deepEqual((await readAll(bed)).slice(1), [
        { position: 2, stream: "s", version: 1, type: "A", schema: 1, data: "1", meta: undefined, recordedAtMs },
        { position: 3, stream: "s", version: 2, type: "B", schema: 3, data: "2", meta: '{"by":"me"}', recordedAtMs },
      ]);
    },
  },
  {
    name: "appends to several streams and logs in one list keep their order",
    needs: ["events", "lists"],
    run: async (bed) => {
      const elsewhere = { ...append("a", "3"), log: "other" } as ReturnType<typeof append>;
      await committed(bed.engine, append("a", "1"), elsewhere, append("b", "2"));
      assert.deepEqual(
        (await readAll(bed)).map((event) => [event.position, event.stream, event.data]),
        [
          [1, "a", "1"],
          [2, "b", "2"],
        ],
      );
      assert.deepEqual(
        (await readAll(bed, "other")).map((event) => event.position),
        [1],
      );
    },
  },
  {
    name: "a read goes on behind a position, up to its limit, and says how far it looked",
    needs: ["events", "lists"],
    run: async ({ engine }) => {
      assert.deepEqual(await engine.read({ log, after: 0, limit: 5 }), { events: [], through: 0, head: 0 });
      await committed(engine, ...["a", "b", "c", "d", "e"].map((stream) => append(stream, "x")));
      const page = await engine.read({ log, after: 1, limit: 2 });
      assert.deepEqual(
        page.events.map((event) => event.position),
        [2, 3],
      );
      assert.deepEqual([page.through, page.head], [3, 5]);
      const rest = await engine.read({ log, after: 3, limit: 10 });
      assert.deepEqual([rest.events.length, rest.through, rest.head], [2, 5, 5]);
      const exact = await engine.read({ log, after: 3, limit: 2 });
      assert.deepEqual([exact.events.length, exact.through], [2, 5]);
      assert.deepEqual(await engine.read({ log, after: 5, limit: 2 }), { events: [], through: 5, head: 5 });
    },
  },
  {
    name: "a filtered read passes over what does not fit and still moves its checkpoint",
    needs: ["events", "lists"],
    run: async ({ engine }) => {
      const typed = (stream: string, type: string) =>
        ({ op: "append", log, stream, expected: "any", events: [{ type, data: "" }] }) as const;
      await committed(
        engine,
        typed("a-1", "A"),
        typed("b-1", "B"),
        typed("a-2", "B"),
        typed("a%", "A"),
        typed("b-2", "B"),
      );
      const positions = async (filter: object, limit = 10): Promise<readonly number[]> => {
        const { events, through } = await engine.read({ log, after: 0, limit, ...filter });
        return [...events.map((event) => event.position), through];
      };
      assert.deepEqual(await positions({ types: ["A"] }), [1, 4, 5]);
      assert.deepEqual(await positions({ types: ["A"] }, 1), [1, 1]);
      assert.deepEqual(await positions({ types: ["none"] }), [5]);
      assert.deepEqual(await positions({ types: [] }), [5]);
      assert.deepEqual(await positions({ streamPrefix: "a-" }), [1, 3, 5]);
      assert.deepEqual(await positions({ streamPrefix: "a%" }), [4, 5], "no pattern characters");
      assert.deepEqual(await positions({ streamPrefix: "a", types: ["B"] }), [3, 5]);
      assert.deepEqual(await positions({ streamPrefix: "" }, 2), [1, 2, 2]);
    },
  },
  {
    name: "partitions part the streams by the slot of their name: every event in exactly one",
    needs: ["events", "lists"],
    run: async ({ engine }) => {
      const streams = Array.from({ length: 40 }, (_, n) => `stream-${n}`);
      await committed(engine, ...streams.map((stream) => append(stream, "x")));
      const seen: string[] = [];
      for (let index = 0; index < 3; index++) {
        const { events, through } = await engine.read({ log, after: 0, limit: 100, partition: { index, count: 3 } });
        assert.equal(through, 40);
        for (const { stream } of events) {
          assert.equal((hash32(stream) % streamSlots) % 3, index, stream);
          seen.push(stream);
        }
      }
      assert.deepEqual(seen.toSorted(), streams.toSorted());
    },
  },
  {
    name: "a stream is read behind a version, up to a limit, in version order",
    needs: ["events", "lists"],
    run: async ({ engine }) => {
      for (let n = 1; n <= 5; n++) await committed(engine, append("s", String(n)), append("t", String(n)));
      const read = async (after: number, limit: number): Promise<readonly string[]> =>
        (await engine.stream({ log, stream: "s", after, limit })).map((event) => event.data);
      assert.deepEqual(await read(0, 2), ["1", "2"]);
      assert.deepEqual(await read(3, 10), ["4", "5"]);
      assert.deepEqual(await read(5, 10), []);
      assert.deepEqual(await engine.stream({ log, stream: "none", after: 0, limit: 1 }), []);
      assert.deepEqual(await engine.stream({ log: "none", stream: "s", after: 0, limit: 1 }), []);
    },
  },
  {
    name: "recordedAtMs does not fall along a log when the clock steps back",
    needs: ["events"],
    run: async (bed) => {
      const startMs = bed.clock.now();
      await committed(bed.engine, append("s", "1"));
      bed.clock.jump(-3_600_000);
      await committed(bed.engine, append("t", "2"));
      bed.clock.jump(3_600_500);
      await committed(bed.engine, append("s", "3"));
      assert.deepEqual(
        (await readAll(bed)).map((event) => event.recordedAtMs),
        [startMs, startMs, startMs + 500],
      );
    },
  },
];
