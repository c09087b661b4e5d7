import { expect, test } from "vitest";
import { afterRead, type AnsweredRead, type ReadsState } from "./replica-report.ts";

/** Goes through reads, and tells what is known behind each. */
function kinds(
  reads: readonly (readonly [from: AnsweredRead["from"], status: AnsweredRead["status"], nowMs: number])[],
) {
  let state: ReadsState = { kind: "replica" };
  return reads.map(([from, status, nowMs]) => {
    state = afterRead(state, { from, status, nowMs });
    return state.kind;
  });
}

test("a replica that is away is worth a word at once, and back only when it has answered for five seconds", () => {
  const reads = [
    ["primary", "away", 0],
    ["primary", "away", 9_000],
    ["replica", "up", 9_100],
    ["replica", "up", 13_999],
    ["replica", "up", 14_000],
  ] as const;
  expect(kinds(reads)).toEqual(["primary", "primary", "primary", "primary", "replica"]);
});

test("one that is behind is worth a word when no read of five seconds was answered by it", () => {
  const caughtUp = [
    ["primary", "up", 0],
    ["primary", "up", 4_999],
    ["replica", "up", 5_000],
    ["primary", "up", 5_001],
    ["primary", "up", 10_000],
  ] as const;
  expect(kinds(caughtUp)).toEqual(["missed", "missed", "replica", "missed", "missed"]);
  expect(kinds([...caughtUp, ["primary", "up", 10_001]]).at(-1)).toBe("primary");
});

test("one that comes and goes is told of once", () => {
  const flapping = Array.from({ length: 50 }, (_, index) => {
    return [index % 2 === 0 ? "primary" : "replica", index % 2 === 0 ? "away" : "up", index * 1_000] as const;
  });
  expect(new Set(kinds(flapping))).toEqual(new Set(["primary"]));
});
