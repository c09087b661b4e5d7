import { expect, test } from "vitest";
import type { CsvRecord } from "./csv.ts";
import { readHeader, readLine, type ReadLine } from "./line.ts";

const header = [
  "InvoiceNo",
  "StockCode",
  "Description",
  "Quantity",
  "InvoiceDate",
  "UnitPrice",
  "CustomerID",
  "Country",
];
const good = [
  "536365",
  "85123a",
  " WHITE HANGING HEART ",
  "6",
  "2010-12-01 08:26:00",
  "2.55",
  "17850.0",
  "United Kingdom",
];

function read(fields: readonly string[]): ReadLine {
  const columns = readHeader(header);
  if ("missing" in columns) throw new Error("a full header");
  const record: CsvRecord = { line: 7, fields, text: fields.join(","), fault: undefined };
  return readLine(record, columns, header.length);
}

function reasonWith(change: Readonly<Record<number, string>>): string | undefined {
  const line = read(good.map((field, index) => change[index] ?? field));
  return line.kind === "bad" ? line.reason : undefined;
}

test("a good line is read with exact money and one spelling of everything", () => {
  expect(read(good)).toMatchObject({
    kind: "line",
    number: 7,
    invoice: "536365",
    code: "85123A",
    description: "WHITE HANGING HEART",
    quantity: 6,
    price: 25_500,
    totalMinor: 1_530,
    time: "2010-12-01 08:26:00",
    customer: "17850",
    country: "United Kingdom",
  });
});

test("columns may come in any order, and each missing one is named", () => {
  const columns = readHeader(header.toReversed());
  expect(columns).toMatchObject({ Country: 0, InvoiceNo: 7 });
  expect(readHeader(["InvoiceNo", "Quantity"])).toMatchObject({
    missing: expect.arrayContaining(["StockCode", "Country"]),
  });
});

test("a guest has no customer, and seconds may be left out", () => {
  expect(read(good.with(6, ""))).toMatchObject({ kind: "line", customer: undefined });
  expect(read(good.with(4, "2010-12-01 08:26"))).toMatchObject({ kind: "line", time: "2010-12-01 08:26:00" });
});

test("letters of invoices count in either case", () => {
  expect(read(good.with(0, "c536379").with(3, "-1"))).toMatchObject({ kind: "line", invoice: "C536379" });
});

test.each([
  [{ 0: "53636" }, "no invoice number"],
  [{ 0: "X536365" }, "no invoice number"],
  [{ 1: " " }, "no stock code"],
  [{ 3: "0" }, "a quantity that is no whole number, or 0"],
  [{ 3: "1.5" }, "a quantity that is no whole number, or 0"],
  [{ 3: "99999999999999999999" }, "a quantity that is no whole number, or 0"],
  [{ 4: "2010-02-30 08:26:00" }, "a date that does not exist"],
  [{ 4: "12/1/2010 8:26" }, "a date that does not exist"],
  [{ 4: "2010-12-01 24:00:00" }, "a date that does not exist"],
  [{ 5: "free" }, "a price that is no decimal number with up to 4 decimals"],
  [{ 5: "-1.00" }, "a negative price"],
  [{ 5: "0.001", 3: "3" }, "a total that is not a whole number of pence"],
  [{ 6: "abc" }, "a customer that is no number"],
  [{ 7: "" }, "no country"],
])("%o is refused: %s", (change, reason) => {
  expect(reasonWith(change)).toBe(reason);
});

test("a line with too few or too many fields is refused", () => {
  expect(read(good.slice(1))).toMatchObject({ kind: "bad" });
  expect(read([...good, "more"])).toMatchObject({ kind: "bad", reason: "9 fields instead of 8", invoice: "536365" });
});

test("a header in the middle is told apart from a broken line", () => {
  expect(read(header)).toMatchObject({ kind: "bad", reason: "the header again", invoice: undefined });
});

test("only ledger adjustments may have a negative price", () => {
  expect(read(good.with(0, "A563186").with(5, "-11062.06").with(3, "1"))).toMatchObject({ totalMinor: -1_106_206 });
});
