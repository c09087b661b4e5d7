import { lineTotal, parsePrice, type Minor, type Price } from "../money.ts";
import { productCode } from "../product-code.ts";
import type { CsvRecord } from "./csv.ts";

/** A line that was understood, whatever it stands for. */
export interface Line {
  readonly number: number;
  readonly invoice: string;
  readonly code: string;
  readonly description: string;
  /** Not 0. */
  readonly quantity: number;
  readonly price: Price;
  /** Quantity times price, exact. */
  readonly totalMinor: Minor;
  /** `YYYY-MM-DD HH:MM:SS`, local time of the business. */
  readonly time: string;
  readonly customer: string | undefined;
  readonly country: string;
  readonly text: string;
}

/** A line that was not understood. `invoice` is present where at least that could be read. */
export interface BadLine {
  readonly number: number;
  readonly invoice: string | undefined;
  readonly reason: string;
  readonly text: string;
}

export type ReadLine = ({ readonly kind: "line" } & Line) | ({ readonly kind: "bad" } & BadLine);

const columnNames = [
  "InvoiceNo",
  "StockCode",
  "Description",
  "Quantity",
  "InvoiceDate",
  "UnitPrice",
  "CustomerID",
  "Country",
] as const;
type ColumnName = (typeof columnNames)[number];

/** Where each column stands. */
export type Columns = Readonly<Record<ColumnName, number>>;

const invoicePattern = /^[CA]?\d{6}$/;
const quantityPattern = /^[+-]?\d{1,15}$/;
const timePattern = /^\d{4}-\d\d-\d\d \d\d:\d\d(?::\d\d)?$/;
const minuteLength = "YYYY-MM-DD HH:MM".length;
const customerPattern = /^(\d{1,15})(?:\.0+)?$/;
const codeLengthMax = 40;
const textLengthMax = 200;

/** Reads the header: the eight columns in any order. Returns the columns that are missing otherwise. */
export function readHeader(fields: readonly string[]): Columns | { readonly missing: readonly string[] } {
  const names = fields.map((field) => field.trim());
  const missing = columnNames.filter((name) => !names.includes(name));
  if (missing.length > 0) return { missing };
  return Object.fromEntries(columnNames.map((name) => [name, names.indexOf(name)])) as Columns;
}

/** Reads one line. Pure: every reason is a text for people, and the first fault counts. */
export function readLine(record: CsvRecord, columns: Columns, width: number): ReadLine {
  const { fields, line: number, text } = record;
  const field = (name: ColumnName): string => (fields[columns[name]] ?? "").trim();
  const invoiceText = field("InvoiceNo").toUpperCase();
  const invoice = invoicePattern.test(invoiceText) ? invoiceText : undefined;
  const bad = (reason: string): ReadLine => ({ kind: "bad", number, invoice, reason, text });
  if (record.fault !== undefined) return bad(record.fault);
  if (invoice === undefined && columnNames.every((name) => field(name) === name)) return bad("the header again");
  if (fields.length !== width) return bad(`${fields.length} fields instead of ${width}`);
  if (invoice === undefined) return bad("no invoice number");
  const code = productCode(field("StockCode"));
  if (code === "") return bad("no stock code");
  if (code.length > codeLengthMax) return bad("a stock code that is too long");
  const quantity = readQuantity(field("Quantity"));
  if (quantity === undefined) return bad("a quantity that is no whole number, or 0");
  const time = readTime(field("InvoiceDate"));
  if (time === undefined) return bad("a date that does not exist");
  const price = parsePrice(field("UnitPrice"));
  if (price === undefined) return bad("a price that is no decimal number with up to 4 decimals");
  if (price < 0 && !invoice.startsWith("A")) return bad("a negative price");
  const totalMinor = lineTotal(quantity, price);
  if (totalMinor === undefined) return bad("a total that is not a whole number of pence");
  const customer = customerPattern.exec(field("CustomerID"))?.[1];
  if (customer === undefined && field("CustomerID") !== "") return bad("a customer that is no number");
  const country = field("Country");
  if (country === "" || country.length > textLengthMax) return bad("no country");
  const description = field("Description").slice(0, textLengthMax);
  return {
    kind: "line",
    number,
    invoice,
    code,
    description,
    quantity,
    price,
    totalMinor,
    time,
    customer,
    country,
    text,
  };
}

function readQuantity(text: string): number | undefined {
  const quantity = quantityPattern.test(text) ? Number(text) : 0;
  return quantity === 0 || !Number.isSafeInteger(quantity) ? undefined : quantity;
}

/** The one spelling of a time that exists in the calendar. Without a Date: there is one in every line. */
function readTime(text: string): string | undefined {
  if (!timePattern.test(text)) return undefined;
  const spelt = text.length === minuteLength ? `${text}:00` : text;
  const part = (from: number, to: number): number => Number(spelt.slice(from, to));
  const month = part(5, 7);
  const day = part(8, 10);
  const isDay = month >= 1 && month <= 12 && day >= 1 && day <= daysOf(part(0, 4), month);
  return isDay && part(11, 13) < 24 && part(14, 16) < 60 && part(17, 19) < 60 ? spelt : undefined;
}

function daysOf(year: number, month: number): number {
  if (month === 2) return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28;
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}
