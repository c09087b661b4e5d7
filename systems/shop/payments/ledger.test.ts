import fc from "fast-check";
import { expect, test } from "vitest";
import { ledgerDecider, type Entry } from "./ledger.ts";
import { adjustmentEntries, chargeEntries, methodFor, paymentMethods, refundEntries } from "./methods.ts";

function sum(entries: readonly Entry[]): number {
  return entries.reduce((total, { amountMinor }) => total + amountMinor, 0);
}

test("a transaction that does not sum to zero is refused", () => {
  const posting = { purpose: "charge", reference: "1", amountMinor: 5 } as const;
  const entries = [
    { account: "sales", amountMinor: -5 },
    { account: "clearing/card", amountMinor: 4 },
  ];
  expect(ledgerDecider.decide("open", { ...posting, entries })).toEqual({
    rejection: { reason: "unbalanced", sumMinor: -1 },
  });
  expect(ledgerDecider.decide("posted", { ...posting, entries })).toEqual({ rejection: { reason: "posted before" } });
  expect(ledgerDecider.decide("open", { ...posting, entries: [] })).toHaveProperty("rejection");
});

test("every kind of payment is balanced, and a fee is never more than the payment", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 10 ** 9 }),
      fc.constantFrom(...Object.values(paymentMethods)),
      (amount, method) => {
        expect(sum(chargeEntries(method, amount))).toBe(0);
        expect(sum(refundEntries(method, amount))).toBe(0);
        expect(sum(adjustmentEntries(-amount))).toBe(0);
        expect(method.fee(amount)).toBeLessThanOrEqual(amount);
        expect(Number.isInteger(method.fee(amount))).toBe(true);
      },
    ),
  );
});

test("a payer pays the same way every time, and all ways are used", () => {
  expect(methodFor(1, "17850")).toBe(methodFor(1, "17850"));
  const used = new Set(Array.from({ length: 100 }, (_, payer) => methodFor(1, `${payer}`).name));
  expect(used.size).toBe(3);
});
