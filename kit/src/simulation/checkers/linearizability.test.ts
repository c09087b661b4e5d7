import fc from "fast-check";
import { expect, test } from "vitest";
import { seededRandom } from "../../random/mod.ts";
import { type CellInput, cellModel, type CellOutput, checkLinearizable, type Operation } from "./mod.ts";

type Call = Operation<CellInput, CellOutput>;

const write = (value: string, invokedAt: number, at?: number): Call => ({
  input: { do: "write", cell: "c", value },
  invokedAt,
  answer: at === undefined ? undefined : { output: { written: "yes" }, at },
});
const read = (value: string | undefined, invokedAt: number, at: number): Call => ({
  input: { do: "read", cell: "c" },
  invokedAt,
  answer: { output: { read: value }, at },
});

test("calls that overlap may take effect in any order", () => {
  expect(checkLinearizable(cellModel, [write("x", 0, 10), write("y", 0, 10), read("x", 11, 12)])).toEqual([]);
  expect(checkLinearizable(cellModel, [write("x", 0, 10), read(undefined, 1, 2), read("x", 3, 4)])).toEqual([]);
});

test("a stale read is refused, and shown with what ran beside it", () => {
  const stale = read(undefined, 5, 6);
  const [violation] = checkLinearizable(cellModel, [write("x", 0, 1), stale]);
  expect(violation?.rule).toBe("linearizability");
  expect(violation?.evidence[0]).toEqual(stale);
});

test("two reads may not see two writes in two orders", () => {
  const calls = [write("x", 0, 20), write("y", 0, 20), read("x", 1, 2), read("y", 3, 4), read("x", 5, 6)];
  expect(checkLinearizable(cellModel, calls)).toHaveLength(1);
});

test("a call without an answer may have happened late or never", () => {
  expect(checkLinearizable(cellModel, [write("x", 0), read(undefined, 5, 6), read("x", 50, 51)])).toEqual([]);
  expect(checkLinearizable(cellModel, [write("x", 0), read(undefined, 5, 6)])).toEqual([]);
  expect(checkLinearizable(cellModel, [write("x", 0), read("x", 5, 6), read(undefined, 7, 8)])).toHaveLength(1);
});

test("of two swaps from the same value one is taken", () => {
  const swap = (to: string, written: "yes" | "no"): Call => ({
    input: { do: "swap", cell: "c", from: undefined, to },
    invokedAt: 0,
    answer: { output: { written }, at: 9 },
  });
  expect(checkLinearizable(cellModel, [swap("a", "yes"), swap("b", "no")])).toEqual([]);
  expect(checkLinearizable(cellModel, [swap("a", "yes"), swap("b", "yes")])).toHaveLength(1);
  expect(checkLinearizable(cellModel, [swap("a", "no"), swap("b", "no")])).toHaveLength(1);
});

test("no verdict beyond the bound is a violation of its own", () => {
  const calls = Array.from({ length: 12 }, (_, index) => write(String(index), 0, 100));
  const impossible = [...calls, read("never", 101, 102)];
  expect(checkLinearizable(cellModel, impossible, { configurationsMax: 50 })[0]?.rule).toBe(
    "linearizability: undecided",
  );
});

/** A history of a real cell: each call takes effect at a drawn moment between its start and its answer. */
function realHistory(seed: number, calls: number): readonly Call[] {
  const random = seededRandom(seed);
  const planned = Array.from({ length: calls }, (_, index) => {
    const invokedAt = random.integer(0, calls * 3);
    const effectAt = invokedAt + random.integer(0, 6) + index / 1_000;
    return { invokedAt, effectAt, endedAt: effectAt + random.integer(0, 6), kind: random.integer(0, 2), index };
  });
  let value: string | undefined;
  return planned
    .toSorted((left, right) => left.effectAt - right.effectAt)
    .map(({ invokedAt, endedAt, kind, index }) => {
      if (kind === 0) return read(value, invokedAt, endedAt);
      const to = `v${index}`;
      const isUnanswered = random.next() < 0.1;
      if (isUnanswered && random.next() < 0.5) return write(to, invokedAt);
      value = to;
      return isUnanswered ? write(to, invokedAt) : write(to, invokedAt, endedAt);
    });
}

test("every history of a real cell is accepted, and one with a read of the past is not", () => {
  fc.assert(
    fc.property(fc.nat(), (seed) => {
      const calls = realHistory(seed, 40);
      expect(checkLinearizable(cellModel, calls)).toEqual([]);
      const endMs = 10_000;
      const late = [write("last", endMs, endMs + 1), read(undefined, endMs + 2, endMs + 3)];
      expect(checkLinearizable(cellModel, [...calls, ...late])).toHaveLength(1);
    }),
    { seed: 1, numRuns: 20 },
  );
});
