import { writeFileSync } from "node:fs";
import { seededRandom, type Random } from "ashlar/random";

const header = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country";
const countries = ["United Kingdom", "France", "EIRE", "Germany"];
const invoicesADay = 80;
const products = 150;

interface Sold {
  readonly code: string;
  readonly quantity: number;
  readonly price: string;
  readonly customer: string;
}

/** Writes invented orders of every kind the real files hold: orders, returns, write-offs, charges, adjustments and lines that make no
 *  sense. For machines without the real files; the same seed gives the same file. */
export function writeMadeOrders(path: string, options: { readonly invoices: number; readonly seed: number }): void {
  const random = seededRandom(options.seed);
  const sold: Sold[] = [];
  const lines = [header];
  for (let index = 0; index < options.invoices; index++) {
    const place = { number: String(600_000 + index), time: timeOf(index), country: random.pick(countries) };
    const kind = random.next();
    if (kind < 0.12 && sold.length > 0) lines.push(...returned(place, random, sold));
    else if (kind < 0.15) lines.push(line(place, { code: codeOf(random), quantity: -3, price: "0.0", customer: "" }));
    else if (kind < 0.16) lines.push(line({ ...place, number: `A${place.number}` }, { ...charge, price: "-12.50" }));
    else if (kind < 0.17) lines.push(`${place.number},X,no such day,1,2010-02-31 08:00:00,1.0,,${place.country}`);
    else lines.push(...ordered(place, random, sold));
  }
  writeFileSync(path, `${lines.join("\n")}\n`);
}

interface Place {
  readonly number: string;
  readonly time: string;
  readonly country: string;
}

const charge: Sold = { code: "POST", quantity: 1, price: "18.0", customer: "" };

function ordered(place: Place, random: Random, sold: Sold[]): readonly string[] {
  const customer = random.next() < 0.6 ? `${random.integer(12_000, 12_200)}.0` : "";
  const count = random.integer(1, 40);
  const items = Array.from({ length: count }, () => ({
    code: codeOf(random),
    quantity: random.integer(1, 30),
    price: `${random.integer(0, 9)}.${random.integer(10, 99)}`,
    customer,
  }));
  sold.push(...items.slice(0, 2));
  const all = random.next() < 0.1 ? [...items, { ...charge, customer }] : items;
  return all.map((item) => line(place, item));
}

function returned(place: Place, random: Random, sold: readonly Sold[]): readonly string[] {
  const item = random.pick(sold);
  return [line({ ...place, number: `C${place.number}` }, { ...item, quantity: -random.integer(1, item.quantity) })];
}

function line({ number, time, country }: Place, { code, quantity, price, customer }: Sold): string {
  return `${number},${code},THING ${code},${quantity},${time},${price},${customer},${country}`;
}

function codeOf(random: Random): string {
  return String(20_000 + random.integer(1, products));
}

function timeOf(index: number): string {
  const day = String(1 + Math.floor(index / invoicesADay)).padStart(2, "0");
  const minutes = 8 * 60 + (index % invoicesADay) * 5;
  const [hour, minute] = [Math.floor(minutes / 60), minutes % 60].map((part) => String(part).padStart(2, "0"));
  return `2010-12-${day} ${hour}:${minute}:00`;
}
