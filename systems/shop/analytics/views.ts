import type { SqliteSql } from "ashlar/engine/sqlite";

/** Statements that only read. */
type ReadSql = Pick<SqliteSql, "all" | "get">;

/** Sales of one day, country or product. */
export interface Sales {
  readonly name: string;
  readonly orders: number;
  readonly units: number;
  readonly minor: number;
}

/** A product that is bought together with another one. */
export interface Companion {
  readonly code: string;
  /** In so many of the baskets that were looked at. */
  readonly baskets: number;
}

/** Baskets of a product that recommendations look at: the latest ones, so that they follow fashion. */
const basketsMax = 200;
/** They are looked for among so many: a scan of some milliseconds, which spares a row for every line of every order. */
const scannedMax = 20_000;
const statements = {
  day: "select day as name, orders, units, minor from sales_day order by day desc limit ?",
  country: "select country as name, orders, units, minor from sales_country order by minor desc, country limit ?",
  product: "select code as name, orders, units, minor from sales_product order by minor desc, code limit ?",
} as const;
const companionSql = `select each.value as code, count(*) as baskets
  from (
    select codes from (select codes from basket order by id desc limit ${scannedMax})
    where instr(codes, ?) > 0 limit ${basketsMax}
  ) latest, json_each(latest.codes) each
  where each.value <> ? group by each.value order by baskets desc, each.value limit ?`;

/** Countries and products with the highest sales first, days with the latest first. */
export function salesBy(sql: ReadSql, by: keyof typeof statements, limit: number): readonly Sales[] {
  return sql.all<Sales>(statements[by], limit);
}

/** What is bought together with a product, most often first. */
export function companionsOf(sql: ReadSql, code: string, limit: number): readonly Companion[] {
  return sql.all<Companion>(companionSql, JSON.stringify(code), code, limit);
}

/** Everything that was counted. */
export interface SalesTotals {
  readonly orders: number;
  readonly minor: number;
  readonly returnedUnits: number;
  readonly returnedMinor: number;
}

const totals = `select coalesce(sum(orders), 0) as orders, coalesce(sum(minor), 0) as minor,
  (select coalesce(sum(returned_units), 0) from sales_product) as returnedUnits,
  (select coalesce(sum(returned_minor), 0) from sales_product) as returnedMinor
  from sales_country`;

/** Adds it up. */
export function totalSales(sql: ReadSql): SalesTotals {
  return sql.get<SalesTotals>(totals) ?? { orders: 0, minor: 0, returnedUnits: 0, returnedMinor: 0 };
}
