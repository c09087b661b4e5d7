import assert from "node:assert/strict";
import { type Change, type EnginePart, type ScanQuery } from "../mod.ts";
import { leaseMs, log, queue, rejection, take } from "./calls.ts";
import type { Bed, Lack, Rule } from "./rule.ts";

const cell = { space: "s", key: "k" };
const stream = "s";
const refusals: Readonly<Record<EnginePart, (bed: Bed) => readonly (() => Promise<unknown>)[]>> = {
  messages: ({ engine }) => [
    () => engine.commit([{ op: "enqueue", queue, messages: [{ body: "x" }] }]),
    () => engine.claim({ queue, count: 1, leaseMs }),
    () => scanned({ engine }, { kind: "queues" }),
  ],
  cells: ({ engine }) => [
    () => engine.commit([{ op: "put", cell, expect: "any", value: "1" }]),
    () => engine.get([cell]),
    () => scanned({ engine }, { kind: "cells", space: "s" }),
  ],
  events: ({ engine }) => [
    () => engine.commit([{ op: "append", log, stream, expected: "any", events: [{ type: "A", data: "1" }] }]),
    () => engine.read({ log, after: 0, limit: 1 }),
    () => engine.stream({ log, stream, after: 0, limit: 1 }),
    () => scanned({ engine }, { kind: "streams", log }),
  ],
  inbox: ({ engine }) => [() => engine.commit([{ op: "seen", consumer: "c", id: "1", keepMs: 1 }])],
};

/** What an engine does not have is refused, and says so. */
export function refusalRules(lacks: readonly Lack[]): readonly Rule[] {
  const lists: Rule = {
    name: "a commit of more changes than one is refused with UnsupportedError, and nothing of it is applied",
    run: async ({ engine }) => {
      const add: Change = { op: "enqueue", queue, messages: [{ body: "x" }] };
      const error = await rejection(() => engine.commit([add, add]));
      assert.equal((error as { code?: unknown }).code, "UNSUPPORTED");
      assert.deepEqual(await take(engine, 9), []);
    },
  };
  const parts = lacks.filter((need) => need !== "lists");
  return [...parts.map((part) => refusalOf(part)), ...(lacks.includes("lists") ? [lists] : [])];
}

function refusalOf(part: EnginePart): Rule {
  return {
    name: `${part} are refused with UnsupportedError`,
    run: async (bed) => {
      assert(!bed.engine.can.parts.includes(part));
      for (const call of refusals[part](bed))
        assert.equal(((await rejection(call)) as { code?: unknown }).code, "UNSUPPORTED");
    },
  };
}

async function scanned({ engine }: Pick<Bed, "engine">, query: ScanQuery): Promise<unknown> {
  return Array.fromAsync(engine.scan(query));
}
