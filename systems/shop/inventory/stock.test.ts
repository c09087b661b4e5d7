import fc from "fast-check";
import { expect, test } from "vitest";
import { goodsOf } from "../goods.ts";
import { reservationDecider, type Reservation, type ReservationCommand, type ReservationEvent } from "./reservation.ts";
import { availableOf, stockDecider, type Stock, type StockCommand, type Supply } from "./stock.ts";

const delivers: Supply = { kind: "delivers" };

function decide(
  state: Stock,
  command: StockCommand,
): { readonly state: Stock; readonly types: readonly string[] | "refused" } {
  const events = stockDecider.decide(state, command);
  if ("rejection" in events) return { state, types: "refused" };
  return {
    state: events.reduce((next, event) => stockDecider.evolve(next, event), state),
    types: events.map(({ type }) => type),
  };
}

test("in plenty the supplier brings exactly what is missing before it is promised", () => {
  const first = decide(stockDecider.initial(), { kind: "reserve", order: "1", quantity: 6, supply: delivers });
  expect(first).toEqual({
    state: { supplied: 6, promised: 6, returning: 0, opened: "yes" },
    types: ["Reserved"],
  });
  const released = decide(first.state, { kind: "release", order: "1", quantity: 6, sale: "at once" });
  const second = decide(released.state, { kind: "reserve", order: "2", quantity: 8, supply: delivers });
  expect(second.state).toMatchObject({ supplied: 8, promised: 8 });
});

test("in tight stock the opening quantity comes once, and an order beyond it is refused", () => {
  const supply: Supply = { kind: "opening", quantity: 10 };
  const first = decide(stockDecider.initial(), { kind: "reserve", order: "1", quantity: 7, supply });
  expect(first.state).toMatchObject({ supplied: 10, promised: 7 });
  expect(decide(first.state, { kind: "reserve", order: "2", quantity: 4, supply }).types).toBe("refused");
  expect(decide(first.state, { kind: "reserve", order: "3", quantity: 3, supply }).types).toEqual(["Reserved"]);
});

test("what comes back is not on sale before the day is closed", () => {
  let { state } = decide(stockDecider.initial(), { kind: "restock", order: "C1", quantity: 5, sale: "at day close" });
  expect(availableOf(state)).toBe(0);
  ({ state } = decide(state, { kind: "return to sale" }));
  expect(availableOf(state)).toBe(5);
  expect(decide(state, { kind: "return to sale" }).types).toEqual([]);
});

test("a reservation is made once and ends once, and a late one finds that it was released before", () => {
  const decideReservation = (state: Reservation, command: ReservationCommand): unknown =>
    reservationDecider.decide(state, command);
  const after = (...events: readonly ReservationEvent[]): Reservation =>
    events.reduce((state, event) => reservationDecider.evolve(state, event), reservationDecider.initial());
  const units = [{ code: "A", quantity: 2 }];
  const reserved = { type: "Reserved", data: { units } } as const;
  expect(decideReservation(after(), { kind: "reserve", units })).toEqual([reserved]);
  expect(decideReservation(after(reserved), { kind: "reserve", units })).toMatchObject({ rejection: "reserved" });
  expect(decideReservation(after(reserved), { kind: "dispatch" })).toEqual([{ type: "Dispatched", data: {} }]);
  const gone = after(reserved, { type: "Dispatched", data: {} });
  expect(decideReservation(gone, { kind: "release" })).toMatchObject({ rejection: "dispatched" });
  expect(decideReservation(after({ type: "Released", data: {} }), { kind: "reserve", units })).toMatchObject({
    rejection: "released",
  });
});

test("a write-off of more than is on sale books the surplus that was found, and leaves promised units alone", () => {
  const { state } = decide(stockDecider.initial(), { kind: "reserve", order: "1", quantity: 6, supply: delivers });
  const off = decide(state, { kind: "write off", invoice: "536589", quantity: 10, supply: delivers });
  expect(off).toEqual({
    state: { supplied: 6, promised: 6, returning: 0, opened: "yes" },
    types: ["Received", "WrittenOff"],
  });
});

test("no sequence of commands makes more promises than there is stock", () => {
  const quantity = fc.integer({ min: 1, max: 50 });
  const supply = fc.constantFrom<Supply>(delivers, { kind: "opening", quantity: 60 });
  const sale = fc.constantFrom("at once" as const, "at day close" as const);
  const command = fc.oneof(
    fc.record({ kind: fc.constant("reserve" as const), order: fc.constant("1"), quantity, supply }),
    fc.record({ kind: fc.constant("release" as const), order: fc.constant("1"), quantity, sale }),
    fc.record({ kind: fc.constant("restock" as const), order: fc.constant("1"), quantity, sale }),
    fc.record({ kind: fc.constant("write off" as const), invoice: fc.constant("1"), quantity, supply }),
    fc.record({ kind: fc.constant("return to sale" as const) }),
    fc.record({ kind: fc.constant("top up" as const), quantity }),
  );
  fc.assert(
    fc.property(fc.array(command, { maxLength: 60 }), (commands) => {
      let state = stockDecider.initial();
      for (const next of commands) {
        ({ state } = decide(state, next));
        expect(Math.min(availableOf(state), state.promised, state.returning)).toBeGreaterThanOrEqual(0);
      }
    }),
  );
});

test("an order reserves each product once, without what is only charged", () => {
  const lines = [
    { code: "A", quantity: 2 },
    { code: "POST", quantity: 1 },
    { code: "A", quantity: 3 },
  ];
  expect(goodsOf(lines)).toEqual([{ code: "A", quantity: 5 }]);
});
