import { expect, test } from "vitest";
import { manualClock } from "../../clock/mod.ts";
import type { LeaseRequest, SharedRead } from "../shared-tier.ts";
import { TurnReads } from "./turn-reads.ts";

const lease = { forMs: 100, of: "any" } as const;

/** Answers each key with itself, as the token. */
function echo(asked: (readonly string[])[], fails?: Error) {
  return async (keys: readonly string[], _lease: LeaseRequest | undefined): Promise<readonly SharedRead[]> => {
    asked.push(keys);
    if (fails !== undefined) throw fails;
    return keys.map((token) => ({ kind: "missing", token }));
  };
}

const tokensOf = (reads: readonly SharedRead[]) => reads.map((read) => (read.kind === "missing" ? read.token : ""));

test("reads of one turn with equal leases are one, each caller gets its own, and the next turn's are another", async () => {
  const clock = manualClock();
  const asked: (readonly string[])[] = [];
  const reads = new TurnReads(echo(asked), clock);
  const first = [
    reads.read(["a", "b"], undefined),
    reads.read([], undefined),
    reads.read(["b"], lease),
    reads.read(["c"], undefined),
    reads.read(["d"], { ...lease }),
  ];
  await clock.settle();
  expect((await Promise.all(first)).map(tokensOf)).toEqual([["a", "b"], [], ["b"], ["c"], ["d"]]);
  const later = reads.read(["e"], undefined);
  await clock.settle();
  expect(tokensOf(await later)).toEqual(["e"]);
  expect(asked).toEqual([["a", "b", "c"], ["b", "d"], ["e"]]);
});

test("more than 256 keys are several scripts", async () => {
  const clock = manualClock();
  const asked: (readonly string[])[] = [];
  const reads = new TurnReads(echo(asked), clock);
  const keys = Array.from({ length: 600 }, (_, index) => `${index}`);
  const read = reads.read(keys, undefined);
  await clock.settle();
  expect(tokensOf(await read)).toEqual(keys);
  expect(asked.map(({ length }) => length)).toEqual([256, 256, 88]);
});

test("when a read fails all who asked in it hear of it", async () => {
  const clock = manualClock();
  const fault = new Error("gone");
  const reads = new TurnReads(echo([], fault), clock);
  const both = Promise.allSettled([reads.read(["a"], undefined), reads.read(["b"], undefined)]);
  await clock.settle();
  expect((await both).map((each) => each.status === "rejected" && each.reason)).toEqual([fault, fault]);
});
