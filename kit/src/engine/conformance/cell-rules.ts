import assert from "node:assert/strict";
import type { Engine, ExpectedCell } from "../mod.ts";
import { committed, refused } from "./calls.ts";
import type { Rule } from "./rule.ts";

const cell = { space: "s", key: "k" };

async function put(
  engine: Engine,
  value: string | undefined,
  options: { readonly expect?: ExpectedCell; readonly expiresInMs?: number; readonly key?: string } = {},
): Promise<number> {
  const { expect = "any", expiresInMs, key = cell.key } = options;
  const [outcome] = await committed(engine, { op: "put", cell: { ...cell, key }, expect, value, expiresInMs });
  assert(outcome?.op === "put");
  return outcome.version;
}

async function valueOf(engine: Engine, key: string = cell.key): Promise<string | undefined> {
  return (await engine.get([{ ...cell, key }]))[0]?.value;
}

/** Cells and inbox entries. */
export const cellRules: readonly Rule[] = [
  {
    name: "a cell is read as it was written, with the version of its write",
    needs: ["cells"],
    run: async ({ engine }) => {
      const version = await put(engine, "v");
      assert.deepEqual(await engine.get([cell, { ...cell, key: "none" }, { space: "none", key: "k" }, cell]), [
        { ...cell, value: "v", version, expiresAtMs: undefined },
        undefined,
        undefined,
        { ...cell, value: "v", version, expiresAtMs: undefined },
      ]);
      assert.deepEqual(await engine.get([]), []);
    },
  },
  {
    name: "versions rise with every write of any cell, also across deletion and when the clock steps back",
    needs: ["cells"],
    run: async ({ engine, clock }) => {
      const versions: number[] = [];
      for (const key of ["a", "b", "a"]) versions.push(await put(engine, "x", { key }));
      versions.push(await put(engine, undefined, { key: "a" }));
      clock.jump(-1_000_000);
      versions.push(await put(engine, "again", { key: "a" }), await put(engine, undefined, { key: "never there" }));
      assert.deepEqual(
        versions,
        [...new Set(versions)].toSorted((left, right) => left - right),
        "strictly rising",
      );
    },
  },
  {
    name: "every expectation of a cell is enforced, by put and by check, for writes and deletions",
    needs: ["cells"],
    run: async ({ engine }) => {
      const version = await put(engine, "v");
      const present: readonly (readonly [ExpectedCell, boolean])[] = [
        [version, true],
        [version + 1000, false],
        ["absent", false],
        ["present", true],
        ["any", true],
      ];
      for (const [expect, passes] of present) {
        const check = { op: "check", cell, expect } as const;
        if (passes) await committed(engine, check);
        else {
          const expected = { kind: "cell-conflict", cell, expected: expect, actual: version };
          assert.deepEqual((await refused(engine, check)).refusal, expected);
          for (const value of ["new", undefined])
            assert.deepEqual((await refused(engine, { op: "put", cell, expect, value })).refusal, expected);
        }
      }
      const absent = { ...cell, key: "absent" };
      for (const expect of [version, "present"] as const) {
        const { refusal } = await refused(engine, { op: "put", cell: absent, expect, value: "x" });
        assert.deepEqual(refusal, { kind: "cell-conflict", cell: absent, expected: expect, actual: undefined });
      }
      for (const expect of ["absent", "any"] as const) await committed(engine, { op: "check", cell: absent, expect });
      const second = await put(engine, "w", { expect: version });
      await put(engine, undefined, { expect: second });
      assert.equal(await valueOf(engine), undefined);
      await put(engine, "again", { expect: "absent" });
    },
  },
  {
    name: "a cell is absent from its time on: for get, scan and every expectation",
    needs: ["cells"],
    run: async ({ engine, clock }) => {
      const version = await put(engine, "v", { expiresInMs: 100 });
      assert.equal((await engine.get([cell]))[0]?.expiresAtMs, clock.now() + 100);
      await clock.advance(99);
      assert.equal(await valueOf(engine), "v");
      await clock.advance(1);
      assert.equal(await valueOf(engine), undefined);
      assert.deepEqual(await Array.fromAsync(engine.scan({ kind: "cells", space: cell.space })), []);
      await refused(engine, { op: "check", cell, expect: "present" });
      await refused(engine, { op: "check", cell, expect: version });
      const next = await put(engine, "w", { expect: "absent" });
      assert(next > version, "a lock that ran out and was taken again has a higher token");
    },
  },
  {
    name: "a write without expiry keeps a cell for good, whatever the one before it said",
    needs: ["cells"],
    run: async ({ engine, clock }) => {
      await put(engine, "short", { expiresInMs: 100 });
      await put(engine, "long", {});
      await put(engine, "short", { expiresInMs: 100, key: "renewed" });
      await clock.advance(50);
      await put(engine, "renewed", { expiresInMs: 1000, key: "renewed" });
      await clock.advance(900);
      assert.deepEqual([await valueOf(engine), await valueOf(engine, "renewed")], ["long", "renewed"]);
      await put(engine, "again", { expiresInMs: 1_000_000, key: "renewed" });
      // Maintenance comes by, after the time that the overwritten ones had.
      await clock.advance(120_000);
      assert.deepEqual([await valueOf(engine), await valueOf(engine, "renewed")], ["long", "again"]);
    },
  },
  {
    name: "maintenance frees what has expired and nothing else",
    needs: ["cells", "inbox"],
    run: async ({ engine, clock }) => {
      for (let n = 0; n < 50; n++) await put(engine, "x", { key: `gone${n}`, expiresInMs: 1000 + n });
      await put(engine, "kept", { key: "kept", expiresInMs: 10_000_000 });
      await put(engine, "forever", { key: "forever" });
      await committed(engine, { op: "seen", consumer: "c", id: "1", keepMs: 10_000_000 });
      await clock.advance(120_000);
      const cells = await Array.fromAsync(engine.scan({ kind: "cells", space: cell.space }));
      assert.deepEqual(
        cells.map((row) => row.key),
        ["forever", "kept"],
      );
      await refused(engine, { op: "seen", consumer: "c", id: "1", keepMs: 1 });
    },
  },
  {
    name: "an inbox entry is refused while it is kept, per consumer, and may be seen again afterwards",
    needs: ["inbox", "lists"],
    run: async ({ engine, clock }) => {
      const seen = { op: "seen", consumer: "mail", id: "m1", keepMs: 1000 } as const;
      await committed(engine, seen);
      await clock.advance(999);
      const { refusal } = await refused(engine, seen);
      assert.deepEqual(refusal, { kind: "already-seen", consumer: "mail", id: "m1" });
      await committed(engine, { ...seen, consumer: "other" }, { ...seen, id: "m2" });
      await clock.advance(1);
      await committed(engine, seen);
      await clock.advance(500);
      await refused(engine, seen);
    },
  },
];
