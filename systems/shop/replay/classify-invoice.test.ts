import { expect, test } from "vitest";
import { lineTotal, parsePrice } from "../money.ts";
import { classifyInvoice, type ClassifiedInvoice } from "./classify-invoice.ts";
import { groupLinesMax, LineGrouper } from "./group-lines.ts";
import type { ReadLine } from "./line.ts";

let number = 1;

function line(invoice: string, code: string, sale: { quantity: number; price: string; customer?: string }): ReadLine {
  const price = parsePrice(sale.price) ?? Number.NaN;
  return {
    kind: "line",
    number: number++,
    invoice,
    code,
    description: "",
    quantity: sale.quantity,
    price,
    totalMinor: lineTotal(sale.quantity, price) ?? Number.NaN,
    time: "2010-12-01 08:26:00",
    customer: sale.customer,
    country: "United Kingdom",
    text: "",
  };
}

function classify(...lines: readonly ReadLine[]): ClassifiedInvoice {
  return classifyInvoice({ invoice: lines[0]?.invoice, lines });
}

test("positive lines are an order, with charges among them", () => {
  const { meaning, quarantine } = classify(
    line("536365", "85123A", { quantity: 6, price: "2.55" }),
    line("536365", "POST", { quantity: 1, price: "18.00" }),
  );
  expect(quarantine).toEqual([]);
  expect(meaning).toEqual({
    kind: "order",
    lines: [
      { code: "85123A", quantity: 6, totalMinor: 1_530 },
      { code: "POST", quantity: 1, totalMinor: 1_800 },
    ],
    writeOffs: [],
  });
});

test("a line that costs nothing is a purchase like any other", () => {
  expect(classify(line("536414", "22139", { quantity: 56, price: "0.0" })).meaning).toMatchObject({
    lines: [{ quantity: 56, totalMinor: 0 }],
  });
});

test("exact duplicates are two lines, not one", () => {
  const twice = [1, 2].map(() => line("536409", "22111", { quantity: 1, price: "4.95" }));
  expect(classify(...twice).meaning).toMatchObject({ lines: [{ quantity: 1 }, { quantity: 1 }] });
});

test("negative quantities at price 0 outside returns are write-offs", () => {
  expect(classify(line("536589", "21777", { quantity: -10, price: "0.0" })).meaning).toEqual({
    kind: "order",
    lines: [],
    writeOffs: [{ code: "21777", quantity: 10 }],
  });
});

test("a negative quantity with a price outside returns is quarantined", () => {
  const { meaning, quarantine } = classify(line("536589", "21777", { quantity: -10, price: "1.00" }));
  expect(meaning).toEqual({ kind: "nothing" });
  expect(quarantine).toMatchObject([{ reason: "a negative quantity with a price outside a return" }]);
});

test("a C invoice is a return of positive units; a positive quantity on it is quarantined", () => {
  const { meaning, quarantine } = classify(
    line("C536379", "D", { quantity: -1, price: "27.50", customer: "14527" }),
    line("C536379", "22111", { quantity: 2, price: "1.00", customer: "14527" }),
  );
  expect(meaning).toEqual({ kind: "return", lines: [{ code: "D", quantity: 1 }] });
  expect(quarantine).toMatchObject([{ reason: "a positive quantity on a return" }]);
});

test("an A invoice adjusts the ledger by quantity times price, whichever sign", () => {
  expect(classify(line("A563185", "B", { quantity: 1, price: "11062.06" })).meaning).toEqual({
    kind: "adjustment",
    amountMinor: 1_106_206,
  });
  expect(classify(line("A563186", "B", { quantity: 1, price: "-11062.06" })).meaning).toEqual({
    kind: "adjustment",
    amountMinor: -1_106_206,
  });
});

test("a line of another customer than the first is quarantined", () => {
  const { quarantine, accepted } = classify(
    line("536365", "85123A", { quantity: 6, price: "2.55", customer: "1" }),
    line("536365", "71053", { quantity: 6, price: "2.55", customer: "2" }),
  );
  expect(accepted).toHaveLength(1);
  expect(quarantine).toHaveLength(1);
});

test("a broken line stays with the invoice in whose middle it stands, and does not cut it", () => {
  const grouper = new LineGrouper();
  const broken: ReadLine = { kind: "bad", number: 2, invoice: undefined, reason: "no invoice number", text: "?" };
  expect(grouper.push(line("536365", "A", { quantity: 1, price: "1" }))).toBeUndefined();
  expect(grouper.push(broken)).toBeUndefined();
  expect(grouper.push(line("536365", "B", { quantity: 1, price: "1" }))).toBeUndefined();
  const group = grouper.push(line("536366", "C", { quantity: 1, price: "1" }));
  expect(group).toMatchObject({ invoice: "536365", lines: [{ kind: "line" }, { kind: "bad" }, { kind: "line" }] });
  expect(grouper.end()).toMatchObject({ invoice: "536366" });
  expect(grouper.end()).toBeUndefined();
});

test("an invoice of any length comes in groups that fit into a commit", () => {
  const grouper = new LineGrouper();
  const one = line("536365", "A", { quantity: 1, price: "1" });
  const groups = Array.from({ length: 2 * groupLinesMax + 1 }, () => grouper.push(one)).filter(
    (group) => group !== undefined,
  );
  expect(groups.map((group) => group.lines.length)).toEqual([groupLinesMax, groupLinesMax]);
});
