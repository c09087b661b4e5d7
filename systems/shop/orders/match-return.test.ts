import { expect, test } from "vitest";
import { matchReturn } from "./match-return.ts";
import { returnDecider } from "./return.ts";

const purchases = [
  { order: "536500", returnable: [{ code: "A", quantity: 2, amountMinor: 300 }] },
  {
    order: "536400",
    returnable: [
      { code: "A", quantity: 5, amountMinor: 500 },
      { code: "M", quantity: 1, amountMinor: 990 },
    ],
  },
];

test("the latest purchase comes first, and earlier ones give the rest", () => {
  expect(matchReturn([{ code: "A", quantity: 4 }], purchases)).toEqual({
    lines: [{ code: "A", quantity: 4, matched: 4 }],
    parts: [
      { order: "536500", code: "A", quantity: 2, amountMinor: 300 },
      { order: "536400", code: "A", quantity: 2, amountMinor: 200 },
    ],
  });
});

test("units beyond all purchases are surplus; a product never bought is unmatched", () => {
  const { lines } = matchReturn(
    [
      { code: "A", quantity: 9 },
      { code: "Z", quantity: 1 },
    ],
    purchases,
  );
  expect(lines).toEqual([
    { code: "A", quantity: 9, matched: 7 },
    { code: "Z", quantity: 1, matched: 0 },
  ]);
});

test("two lines of one product do not find the same units", () => {
  const { parts } = matchReturn(
    [
      { code: "A", quantity: 2 },
      { code: "A", quantity: 2 },
    ],
    purchases,
  );
  expect(parts.map(({ order }) => order)).toEqual(["536500", "536400"]);
});

test("charges are matched like goods", () => {
  expect(matchReturn([{ code: "M", quantity: 1 }], purchases).parts).toMatchObject([
    { order: "536400", amountMinor: 990 },
  ]);
});

test("a return without any match has ended with its request", () => {
  const request = { lines: [{ code: "Z", quantity: 1, matched: 0 }], parts: [], placedAt: "2010-12-01 09:41:00" };
  const [event] = returnDecider.decide(returnDecider.initial(), { kind: "request", request }) as readonly Parameters<
    typeof returnDecider.evolve
  >[1][];
  expect(event && returnDecider.evolve(returnDecider.initial(), event).stage).toBe("closed");
});
