import type { ReadSql } from "../storage/mod.ts";

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

/** Countries and products with the highest sales first, days with the latest first. */
export async function salesBy(sql: ReadSql, by: keyof typeof statements, limit: number): Promise<readonly Sales[]> {
  const rows = await sql.all<Record<keyof Sales, string | number>>(statements[by], limit);
  return rows.map(({ name, orders, units, minor }) => {
    return { name: String(name), orders: Number(orders), units: Number(units), minor: Number(minor) };
  });
}

/** What is bought together with a product, most often first. */
export async function companionsOf(sql: ReadSql, code: string, limit: number): Promise<readonly Companion[]> {
  const latest = `select codes from (select codes from basket order by id desc limit ${scannedMax}) latest
    where ${sql.holds("codes")} limit ${basketsMax}`;
  const found = await sql.all<{ readonly codes: string }>(latest, JSON.stringify(code));
  const counts = new Map<string, number>();
  for (const { codes } of found)
    for (const other of JSON.parse(codes) as readonly string[])
      if (other !== code) counts.set(other, (counts.get(other) ?? 0) + 1);
  const companions = Array.from(counts, ([other, baskets]) => ({ code: other, baskets }));
  return companions.toSorted((a, b) => b.baskets - a.baskets || (a.code < b.code ? -1 : 1)).slice(0, limit);
}

/** Everything that was counted. */
export interface SalesTotals {
  readonly orders: number;
  readonly minor: number;
  readonly returnedUnits: number;
  readonly returnedMinor: number;
}

const totals = `select coalesce(sum(orders), 0) as orders, coalesce(sum(minor), 0) as minor,
  (select coalesce(sum(returned_units), 0) from sales_product) as returned_units,
  (select coalesce(sum(returned_minor), 0) from sales_product) as returned_minor
  from sales_country`;

/** Adds it up. */
export async function totalSales(sql: ReadSql): Promise<SalesTotals> {
  const [row] =
    await sql.all<Record<"orders" | "minor" | "returned_units" | "returned_minor", string | number>>(totals);
  return {
    orders: Number(row?.orders ?? 0),
    minor: Number(row?.minor ?? 0),
    returnedUnits: Number(row?.returned_units ?? 0),
    returnedMinor: Number(row?.returned_minor ?? 0),
  };
}
