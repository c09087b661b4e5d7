import type { MigrationStep } from "ashlar/drivers/sqlite";
import type { SqliteSql } from "ashlar/engine/sqlite";
import { eventTypes, projection, type Projection, type Stored } from "ashlar/events";
import type { OrderEvent } from "../orders/mod.ts";

/** What analytics reads of the log. */
export type SalesEvent = Extract<OrderEvent, { readonly type: "Confirmed" | "LinesReturned" }>;

/** The tables of the views; they live in the shop's own file and change in one transaction with the projection's checkpoint. */
export const salesTables: readonly MigrationStep[] = [
  {
    name: "sales",
    sql: `create table sales_day (day text primary key, orders integer not null, units integer not null, minor integer not null)
        strict, without rowid;
      create table sales_country (country text primary key, orders integer not null, units integer not null, minor integer not null)
        strict, without rowid;
      create table sales_product (
        code text primary key, orders integer not null, units integer not null, minor integer not null,
        returned_units integer not null default 0, returned_minor integer not null default 0
      ) strict, without rowid;
      create table basket (position integer primary key, codes text not null) strict;`,
  },
];

/** Sales per day, country and product, and who bought what together. Returns are counted beside sales, not taken off them. */
export const salesProjection: Projection<SalesEvent, SqliteSql> = projection<SalesEvent, SqliteSql>({
  name: "sales",
  version: 1,
  types: eventTypes<SalesEvent>({ Confirmed: {}, LinesReturned: {} }),
  streamPrefix: "order/",
  applySql(sql, events) {
    const batch = new SalesBatch();
    for (const event of events) batch.add(event);
    batch.write(sql);
  },
});

interface Sum {
  orders: number;
  units: number;
  minor: number;
}

interface ProductSum extends Sum {
  returnedUnits: number;
  returnedMinor: number;
}

const addDay = `insert into sales_day values (?, ?, ?, ?)
  on conflict do update set orders = orders + excluded.orders, units = units + excluded.units, minor = minor + excluded.minor`;
const addCountry = addDay.replace("sales_day", "sales_country");
const addProduct = `insert into sales_product values (?, ?, ?, ?, ?, ?)
  on conflict do update set orders = orders + excluded.orders, units = units + excluded.units, minor = minor + excluded.minor,
  returned_units = returned_units + excluded.returned_units, returned_minor = returned_minor + excluded.returned_minor`;

/** The events of one batch, summed in memory first: a popular product is written once a batch, not once an order. */
class SalesBatch {
  readonly #days = new Map<string, Sum>();
  readonly #countries = new Map<string, Sum>();
  readonly #products = new Map<string, ProductSum>();
  readonly #baskets: { readonly position: number; readonly codes: readonly string[] }[] = [];

  add(event: Stored<SalesEvent>): void {
    if (event.type === "LinesReturned") {
      for (const { code, quantity, amountMinor } of event.data.taken) {
        const sum = entry(this.#products, code, newProductSum);
        sum.returnedUnits += quantity;
        sum.returnedMinor += amountMinor;
      }
      return;
    }
    const { lines, placedAt, country, totalMinor } = event.data;
    const units = lines.reduce((sum, line) => sum + line.quantity, 0);
    addTo(entry(this.#days, placedAt.slice(0, 10), newSum), units, totalMinor);
    addTo(entry(this.#countries, country, newSum), units, totalMinor);
    const codes = new Set<string>();
    for (const line of lines) {
      const sum = entry(this.#products, line.code, newProductSum);
      if (!codes.has(line.code)) sum.orders += 1;
      sum.units += line.quantity;
      sum.minor += line.totalMinor;
      codes.add(line.code);
    }
    this.#baskets.push({ position: event.position, codes: [...codes] });
  }

  write(sql: SqliteSql): void {
    for (const [day, { orders, units, minor }] of this.#days) sql.run(addDay, day, orders, units, minor);
    for (const [country, { orders, units, minor }] of this.#countries)
      sql.run(addCountry, country, orders, units, minor);
    for (const [code, sum] of this.#products)
      sql.run(addProduct, code, sum.orders, sum.units, sum.minor, sum.returnedUnits, sum.returnedMinor);
    for (const { position, codes } of this.#baskets)
      sql.run("insert into basket values (?, ?)", position, JSON.stringify(codes));
  }
}

function newSum(): Sum {
  return { orders: 0, units: 0, minor: 0 };
}

function newProductSum(): ProductSum {
  return { ...newSum(), returnedUnits: 0, returnedMinor: 0 };
}

function addTo(sum: Sum, units: number, minor: number): void {
  sum.orders += 1;
  sum.units += units;
  sum.minor += minor;
}

function entry<Value>(map: Map<string, Value>, key: string, fresh: () => Value): Value {
  const known = map.get(key);
  if (known !== undefined) return known;
  const value = fresh();
  map.set(key, value);
  return value;
}
