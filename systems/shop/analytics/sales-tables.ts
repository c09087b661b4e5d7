import type { MigrationStep } from "ashlar/drivers/sqlite";
import type { SqliteSql } from "ashlar/engine/sqlite";

/** The tables of the views; they change in one transaction with the record of how far the events were heard. */
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
      create table basket (id integer primary key, codes text not null) strict;`,
  },
];

/** A sale as it is counted. */
export interface Sale {
  readonly lines: readonly { readonly code: string; readonly quantity: number; readonly totalMinor: number }[];
  readonly country: string;
  readonly placedAt: string;
  readonly totalMinor: number;
}

const addDay = `insert into sales_day values (?, ?, ?, ?)
  on conflict do update set orders = orders + excluded.orders, units = units + excluded.units, minor = minor + excluded.minor`;
const addCountry = addDay.replace("sales_day", "sales_country");
/** All products of a sale or return in one statement: an array of arrays of code, orders, units, minor, returned units and returned minor. */
const addProducts = `insert into sales_product
  select value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5 from json_each(?) where true
  on conflict do update set orders = orders + excluded.orders, units = units + excluded.units, minor = minor + excluded.minor,
  returned_units = returned_units + excluded.returned_units, returned_minor = returned_minor + excluded.returned_minor`;

/** Counts a sale. */
export function addSale(sql: SqliteSql, { lines, placedAt, country, totalMinor }: Sale): void {
  const units = lines.reduce((sum, line) => sum + line.quantity, 0);
  sql.run(addDay, placedAt.slice(0, 10), 1, units, totalMinor);
  sql.run(addCountry, country, 1, units, totalMinor);
  const products = new Map<string, { units: number; minor: number }>();
  for (const { code, quantity, totalMinor: minor } of lines) {
    const sum = products.get(code);
    products.set(code, { units: (sum?.units ?? 0) + quantity, minor: (sum?.minor ?? 0) + minor });
  }
  const rows = Array.from(products, ([code, sum]) => [code, 1, sum.units, sum.minor, 0, 0]);
  sql.run(addProducts, JSON.stringify(rows));
  sql.run("insert into basket (codes) values (?)", JSON.stringify([...products.keys()]));
}

/** Counts what came back, beside the sales and not off them. */
export function addReturn(
  sql: SqliteSql,
  taken: readonly { readonly code: string; readonly quantity: number; readonly amountMinor: number }[],
): void {
  const rows = taken.map(({ code, quantity, amountMinor }) => [code, 0, 0, 0, quantity, amountMinor]);
  sql.run(addProducts, JSON.stringify(rows));
}
