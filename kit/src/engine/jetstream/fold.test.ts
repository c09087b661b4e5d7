import fc from "fast-check";
import { expect, test } from "vitest";
import type { Change } from "../mod.ts";
import type { Call, Command } from "./command.ts";
import { Fold } from "./fold.ts";
import { readState, writeState } from "./state-text.ts";

const queue = fc.constantFrom("red", "blue");
const name = fc.constantFrom("a", "b", "c");
const id = fc.integer({ min: 1, max: 30 }).map(String);
const ms = fc.constantFrom(0, 1, 40, 500, 20_000);
const receipt = fc.record({ queue, id, token: fc.integer({ min: 1, max: 3 }) });
const settlement = fc.oneof(
  fc.constant({ kind: "ack" as const }),
  fc.constant({ kind: "release" as const }),
  fc.record({ kind: fc.constant("retry" as const), delayMs: ms, failure: fc.constantFrom(undefined, "no route") }),
  fc.record({ kind: fc.constant("park" as const), delayMs: fc.option(ms, { nil: undefined }) }),
  fc.record({
    kind: fc.constant("dead" as const),
    reason: fc.constant("broken"),
    failure: fc.constantFrom(undefined, "x"),
  }),
);
const message = fc.record({
  body: fc.string({ maxLength: 5 }),
  lane: fc.constantFrom(undefined, 0, 2),
  key: fc.option(name, { nil: undefined }),
  delayMs: fc.option(ms, { nil: undefined }),
  headers: fc.constantFrom(undefined, { trace: "t" }),
  dedup: fc.option(fc.record({ key: name, forMs: ms.map((value) => value + 1) }), { nil: undefined }),
});
const change: fc.Arbitrary<Change> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      op: fc.constant("enqueue" as const),
      queue,
      messages: fc.array(message, { maxLength: 3 }),
      keyConcurrency: fc.constantFrom(undefined, 1, 2),
    }),
  },
  { weight: 3, arbitrary: fc.record({ op: fc.constant("settle" as const), receipt, as: settlement }) },
  fc.record({
    op: fc.constant("put" as const),
    cell: fc.record({ space: name, key: name }),
    expect: fc.constantFrom("any" as const, "absent" as const),
    value: fc.option(fc.string(), { nil: undefined }),
    expiresInMs: fc.option(
      ms.map((value) => value + 1),
      { nil: undefined },
    ),
  }),
  fc.record({ op: fc.constant("seen" as const), consumer: name, id: name, keepMs: ms.map((value) => value + 1) }),
  fc.record({
    op: fc.constantFrom("wake" as const, "redrive" as const, "discard" as const),
    queue,
    ids: fc.array(id, { maxLength: 3 }),
  }),
  fc.record({
    op: fc.constant("flow" as const),
    queue,
    to: fc.constantFrom("open" as const, "open" as const, "paused" as const),
  }),
);
const call: fc.Arbitrary<Call> = fc.oneof(
  { weight: 5, arbitrary: change.map((one): Call => ["commit", [one]]) },
  {
    weight: 4,
    arbitrary: fc
      .record({
        queue,
        count: fc.constantFrom(1, 3),
        leaseMs: ms.map((value) => value + 1),
        crashesMax: fc.constantFrom(undefined, 2),
      })
      .map((request): Call => ["claim", request]),
  },
  fc.array(receipt, { maxLength: 2 }).map((receipts): Call => ["extend", receipts, 100]),
  fc.constant<Call>(["sweep"]),
);
const history = fc.array(
  fc.record({ calls: fc.array(call, { minLength: 1, maxLength: 3 }), passMs: fc.constantFrom(0, 1, 30, 600) }),
  { maxLength: 60 },
);

// Spaces and queues have no order of their own.
const text = (fold: Fold): readonly string[] => [...writeState(fold, 100_000_000)].join("\n").split("\n").toSorted();

function commandOf(number: number, calls: readonly Call[], stateBytesMax = 1e9): Command {
  return { version: 1, proposer: number % 2 === 0 ? "even" : "odd", number, stateBytesMax, calls };
}

test("a state that was written and read at any moment goes on exactly like the one that was not", () => {
  fc.assert(
    fc.property(history, fc.nat(), fc.integer({ min: 1, max: 2_000 }), (steps, cut, partBytes) => {
      const straight = new Fold();
      let resumed = new Fold();
      let nowMs = 1_000;
      for (const [index, { calls, passMs }] of steps.entries()) {
        if (index === cut % Math.max(1, steps.length)) resumed = readState(writeState(resumed, partBytes));
        nowMs += passMs;
        const command = JSON.parse(JSON.stringify(commandOf(index + 1, calls))) as Command;
        expect(resumed.apply(command, nowMs)).toEqual(straight.apply(command, nowMs));
        expect(resumed.topics).toEqual(straight.topics);
      }
      expect(text(resumed)).toEqual(text(straight));
      expect(resumed.state.load).toEqual(straight.state.load);
    }),
    { numRuns: 300 },
  );
});

test("no text of a state is larger than it may be, and no character is parted", () => {
  const fold = new Fold();
  const body = `${"x".repeat(7)}${"é😀\n".repeat(500)}`;
  for (let n = 1; n < 4; n++)
    fold.apply(commandOf(n, [["commit", [{ op: "enqueue", queue: "red", messages: [{ body: body.slice(n) }] }]]]), 0);
  for (let bytesMax = 64; bytesMax < 5_000; bytesMax += 7) {
    const texts = [...writeState(fold, bytesMax)];
    expect(Math.max(...texts.map((each) => Buffer.byteLength(each)))).toBeLessThanOrEqual(bytesMax);
    const bytes = texts.map((each) => new TextEncoder().encode(each));
    expect(text(readState(bytes.map((each) => new TextDecoder().decode(each))))).toEqual(text(fold));
  }
});

test("when all has been taken out and has expired, nothing weighs any more", () => {
  fc.assert(
    fc.property(history, (steps) => {
      const fold = new Fold();
      for (const [index, { calls }] of steps.entries()) fold.apply(commandOf(index + 1, calls), 1_000 + index);
      const spaces = [...fold.state.spaces.entries()];
      const puts = spaces.flatMap(([space, { cells }]) =>
        [...cells.entries()].map(
          ([key]) => ({ op: "put", cell: { space, key }, expect: "any", value: undefined }) as const,
        ),
      );
      const claims = ["red", "blue"].flatMap((each): Call[] => [
        ["commit", [{ op: "flow", queue: each, to: "open" }]],
        ["claim", { queue: each, count: 1, leaseMs: 1, crashesMax: 1 }],
      ]);
      const ids = Array.from({ length: 400 }, (_, n) => String(n + 1));
      const discards = ["red", "blue"].map((each): Call => ["commit", [{ op: "discard", queue: each, ids }]]);
      // Leases end and bury their messages, one after the other.
      for (let n = 0; n < 3; n++) fold.apply(commandOf(1_000 + n, [...claims, ...discards]), 10_000_000 * (n + 1));
      fold.apply(commandOf(2_001, [["commit", puts], ["sweep"], ...claims, ...discards]), 90_000_000);
      fold.apply(commandOf(2_003, [...claims, ...discards]), 900_000_000);
      const left = [...fold.state.queues.values()].reduce((sum, { entries }) => sum + entries.size, 0);
      expect([left, fold.state.load.bytes]).toEqual([0, 0]);
    }),
    { numRuns: 100 },
  );
});

test("a command counts once, and not at all after a later one of the same process", () => {
  const fold = new Fold();
  const add = (body: string): Call => ["commit", [{ op: "enqueue", queue: "red", messages: [{ body }] }]];
  expect(fold.apply(commandOf(2, [add("two")]), 0)).toHaveLength(1);
  expect(fold.apply(commandOf(2, [add("two again")]), 0)).toBeUndefined();
  expect(fold.apply(commandOf(6, [add("six")]), 0)).toHaveLength(1);
  expect(fold.apply(commandOf(4, [add("late")]), 0)).toBeUndefined();
  expect(fold.apply(commandOf(1, [add("of another")]), 0)).toHaveLength(1);
  expect(fold.state.queues.get("red")?.depth).toBe(3);
});

test("what adds is refused at the limit of the command, what makes room is not, and a refusal by the state goes first", () => {
  const fold = new Fold();
  const add: Call = ["commit", [{ op: "enqueue", queue: "red", messages: [{ body: "x".repeat(600) }] }]];
  fold.apply(commandOf(1, [add, add]), 0);
  const held = fold.state.load.bytes;
  const [claimed] = fold.apply(commandOf(3, [["claim", { queue: "red", count: 1, leaseMs: 1_000 }]]), 0) ?? [];
  if (claimed?.kind !== "claim" || claimed.result.claims[0] === undefined) throw new Error("nothing was claimed");
  const { receipt: held1 } = claimed.result.claims[0];
  const taken: Call = ["commit", [{ op: "put", cell: { space: "s", key: "k" }, expect: "present", value: "x" }]];
  const answers = fold.apply(
    commandOf(5, [add, taken, ["commit", [{ op: "settle", receipt: held1, as: { kind: "ack" } }]], add], held),
    0,
  );
  expect(answers?.map(({ kind }) => kind)).toEqual(["full", "commit", "commit", "commit"]);
  expect(answers?.[1]).toMatchObject({ result: { committed: false } });
});
