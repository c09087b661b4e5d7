import fc from "fast-check";
import { expect, test } from "vitest";
import { orderDecider, takeUnits, type Order, type OrderCommand, type PlacedOrder } from "./order.ts";

const placed: PlacedOrder = {
  lines: [
    { code: "A", quantity: 3, totalMinor: 100 },
    { code: "POST", quantity: 1, totalMinor: 50 },
  ],
  customer: "17850",
  country: "France",
  placedAt: "2010-12-01 08:26:00",
  totalMinor: 150,
};

function after(...commands: readonly OrderCommand[]): Order {
  return commands.reduce((state, command) => {
    const events = orderDecider.decide(state, command);
    if ("rejection" in events) throw new Error(`refused at ${events.rejection.stage}: ${command.kind}`);
    return events.reduce((next, event) => orderDecider.evolve(next, event), state);
  }, orderDecider.initial());
}

const confirmed: readonly OrderCommand[] = [
  { kind: "place", order: placed },
  { kind: "note reserved", units: 3 },
  { kind: "note charged", amountMinor: 150, method: "card" },
  { kind: "note sent", tracking: "parcel-1" },
  { kind: "confirm" },
];

test("an order goes through its stages, and what was sold can be returned", () => {
  expect(after(...confirmed)).toMatchObject({
    stage: "confirmed",
    chargedMinor: 150,
    returnable: [
      { code: "A", quantity: 3, amountMinor: 100 },
      { code: "POST", quantity: 1, amountMinor: 50 },
    ],
  });
});

test("no stage is skipped or repeated", () => {
  expect(() => after({ kind: "note reserved", units: 1 })).toThrow("refused at unknown");
  expect(() => after({ kind: "place", order: placed }, { kind: "place", order: placed })).toThrow("refused at placed");
  expect(() => after({ kind: "place", order: placed }, { kind: "confirm" })).toThrow("refused at placed");
  expect(() => after(...confirmed, { kind: "confirm" })).toThrow("refused at confirmed");
});

test("an order is called off until its parcel is on its way, and is not sold then", () => {
  const off: OrderCommand = { kind: "call off", reason: "cancelled" };
  for (const steps of [1, 2, 3]) {
    const state = after(...confirmed.slice(0, steps), off);
    expect(orderDecider.decide(state, off)).toEqual([]);
    expect(orderDecider.decide(state, { kind: "confirm" })).toHaveProperty("rejection");
  }
  for (const steps of [4, 5]) expect(() => after(...confirmed.slice(0, steps), off)).toThrow("refused");
});

test("units are taken back once, at the price paid, and the last one takes the rest", () => {
  const one = { code: "A", quantity: 1, amountMinor: 33 };
  const once = after(...confirmed, { kind: "take back", return: "C1", taken: [one] });
  expect(once.returnable[0]).toEqual({ code: "A", quantity: 2, amountMinor: 67 });
  const { taken } = takeUnits(once.returnable, "A", 5);
  expect(taken).toEqual({ code: "A", quantity: 2, amountMinor: 67 });
  const tooMany = { code: "A", quantity: 3, amountMinor: 100 };
  expect(() =>
    after(
      ...confirmed,
      { kind: "take back", return: "C1", taken: [one] },
      { kind: "take back", return: "C2", taken: [tooMany] },
    ),
  ).toThrow("refused at confirmed");
});

test("two parts of one return do not take the same units back", () => {
  const two = { code: "A", quantity: 2, amountMinor: 66 };
  expect(() => after(...confirmed, { kind: "take back", return: "C1", taken: [two, two] })).toThrow(
    "refused at confirmed",
  );
});

test("nothing can be returned of an order that was rejected", () => {
  const rejected = after({ kind: "place", order: placed }, { kind: "reject", reason: "out-of-stock" });
  expect(rejected).toMatchObject({ stage: "rejected", reason: "out-of-stock", returnable: [] });
});

test("however units come back, never more of them and never more money than was paid", () => {
  const line = fc.record({
    code: fc.constantFrom("A", "B"),
    quantity: fc.integer({ min: 1, max: 20 }),
    amountMinor: fc.integer({ min: 0, max: 1_000 }),
  });
  const wanted = fc.record({ code: fc.constantFrom("A", "B"), quantity: fc.integer({ min: 1, max: 30 }) });
  fc.assert(
    fc.property(fc.array(line, { maxLength: 6 }), fc.array(wanted, { maxLength: 10 }), (lines, wishes) => {
      let left: ReturnType<typeof takeUnits>["left"] = lines;
      let minor = 0;
      for (const { code, quantity } of wishes) {
        const result = takeUnits(left, code, quantity);
        expect(result.taken.quantity).toBeLessThanOrEqual(quantity);
        minor += result.taken.amountMinor;
        left = result.left;
      }
      const before = lines.reduce((sum, { amountMinor }) => sum + amountMinor, 0);
      const rest = left.reduce((sum, { amountMinor }) => sum + amountMinor, 0);
      expect(minor + rest).toBe(before);
    }),
  );
});
