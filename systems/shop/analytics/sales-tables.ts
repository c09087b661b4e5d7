import type { ShopEngine, ShopSql } from "../storage/mod.ts";

/** Makes the tables of the views; they change in one transaction with the record of how far the events were heard. */
export async function makeTables(engine: ShopEngine): Promise<void> {
  const isSqlite = engine.can.engine === "sqlite";
  await engine.migrate("analytics", [
    { name: "sales", sql: isSqlite ? sqliteTables : postgresTables, ...(isSqlite ? {} : { older: "run" }) },
  ]);
}

const sqliteTables = `create table sales_day (day text primary key, orders integer not null, units integer not null, minor integer not null)
        strict, without rowid;
      create table sales_country (country text primary key, orders integer not null, units integer not null, minor integer not null)
        strict, without rowid;
      create table sales_product (
        code text primary key, orders integer not null, units integer not null, minor integer not null,
        returned_units integer not null default 0, returned_minor integer not null default 0
      ) strict, without rowid;
      create table basket (id integer primary key, codes text not null) strict;`;

// Names are compared by code point, as SQLite does. Days and countries are few rows that change all the time.
const postgresTables = `create table sales_day (
    day text collate "C" primary key, orders bigint not null, units bigint not null, minor bigint not null) with (fillfactor = 50);
  create table sales_country (
    country text collate "C" primary key, orders bigint not null, units bigint not null, minor bigint not null) with (fillfactor = 50);
  create table sales_product (
    code text collate "C" primary key, orders bigint not null, units bigint not null, minor bigint not null,
    returned_units bigint not null default 0, returned_minor bigint not null default 0) with (fillfactor = 80);
  create table basket (id bigint generated always as identity primary key, codes text collate "C" not null);`;

/** A sale as it is counted. */
export interface Sale {
  readonly lines: readonly { readonly code: string; readonly quantity: number; readonly totalMinor: number }[];
  readonly country: string;
  readonly placedAt: string;
  readonly totalMinor: number;
}

const added = (table: string): string =>
  ["orders", "units", "minor"].map((name) => `${name} = ${table}.${name} + excluded.${name}`).join(", ");
const addDay = `on conflict (day) do update set ${added("sales_day")}`;
const addCountry = `on conflict (country) do update set ${added("sales_country")}`;
const addProduct = `on conflict (code) do update set ${added("sales_product")}`;
const addReturned = `on conflict (code) do update set returned_units = sales_product.returned_units + excluded.returned_units,
  returned_minor = sales_product.returned_minor + excluded.returned_minor`;

/** Counts a sale. The rows that all sales want come last: others wait for them until the end of the transaction. */
export async function addSale(sql: ShopSql, { lines, placedAt, country, totalMinor }: Sale): Promise<void> {
  const units = lines.reduce((sum, line) => sum + line.quantity, 0);
  const products = new Map<string, { units: number; minor: number }>();
  for (const { code, quantity, totalMinor: minor } of lines) {
    const sum = products.get(code);
    products.set(code, { units: (sum?.units ?? 0) + quantity, minor: (sum?.minor ?? 0) + minor });
  }
  const codes = JSON.stringify([...products.keys()]);
  await sql.upsert({ into: "insert into basket (codes)", otherwise: "", rows: [[codes]] });
  const rows = Array.from(products, ([code, sum]) => [code, 1, sum.units, sum.minor] as const);
  await sql.upsert({
    into: "insert into sales_product (code, orders, units, minor)",
    otherwise: addProduct,
    rows: byCode(rows),
  });
  const sold = [1, units, totalMinor] as const;
  await sql.upsert({ into: "insert into sales_country", otherwise: addCountry, rows: [[country, ...sold]] });
  await sql.upsert({ into: "insert into sales_day", otherwise: addDay, rows: [[placedAt.slice(0, 10), ...sold]] });
}

/** Counts what came back, beside the sales and not off them. */
export async function addReturn(
  sql: ShopSql,
  taken: readonly { readonly code: string; readonly quantity: number; readonly amountMinor: number }[],
): Promise<void> {
  const products = new Map<string, { units: number; minor: number }>();
  for (const { code, quantity, amountMinor } of taken) {
    const sum = products.get(code);
    products.set(code, { units: (sum?.units ?? 0) + quantity, minor: (sum?.minor ?? 0) + amountMinor });
  }
  const rows = Array.from(products, ([code, sum]) => [code, 0, 0, 0, sum.units, sum.minor] as const);
  await sql.upsert({ into: "insert into sales_product", otherwise: addReturned, rows: byCode(rows) });
}

function byCode<Row extends readonly [string, ...unknown[]]>(rows: readonly Row[]): readonly Row[] {
  return rows.toSorted(([left], [right]) => (left < right ? -1 : 1));
}
