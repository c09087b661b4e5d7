import type { SqliteEngine } from "ashlar/engine/sqlite";
import { openProjection, type EventStore, type RunningProjection, type SubscriptionStatus } from "ashlar/events";
import { salesProjection, salesTables } from "./sales-projection.ts";

/** Sales of one day, country or product. */
export interface Sales {
  readonly name: string;
  readonly orders: number;
  readonly units: number;
  readonly minor: number;
}

export interface ProductSales extends Sales {
  readonly returnedUnits: number;
  readonly returnedMinor: number;
}

/** A product that is bought together with another one. */
export interface Companion {
  readonly code: string;
  /** In so many of the baskets that were looked at. */
  readonly baskets: number;
}

export type { Analytics };

/** Baskets of a product that recommendations look at: the latest ones, so that they follow fashion. */
const basketsMax = 200;
/** They are looked for among so many: a scan of some milliseconds, which spares a row for every line of every order. */
const scannedMax = 20_000;
const daySql = "select day as name, orders, units, minor from sales_day where day > ? order by day limit ?";
const countrySql =
  "select country as name, orders, units, minor from sales_country order by minor desc, country limit ?";
const productSql = `select code as name, orders, units, minor, returned_units as returnedUnits, returned_minor as returnedMinor
  from sales_product order by minor desc, code limit ?`;
const companionSql = `select each.value as code, count(*) as baskets
  from (
    select codes from (select codes from basket order by position desc limit ${scannedMax})
    where instr(codes, ?) > 0 limit ${basketsMax}
  ) latest, json_each(latest.codes) each
  where each.value <> ? group by each.value order by baskets desc, each.value limit ?`;

/** When the views follow the log: all the time, or when somebody waits for them. A replay counts a month in one go,
 *  in a few large batches, instead of holding up every order with a share of it. */
export type ViewsMode = "live" | "on demand";

/** Views of the sales, a little behind the orders. */
class Analytics implements AsyncDisposable {
  readonly #engine: SqliteEngine;
  readonly #store: EventStore;
  #following: Promise<RunningProjection> | undefined;

  constructor(engine: SqliteEngine, store: EventStore) {
    this.#engine = engine;
    this.#store = store;
  }

  /** Begins to follow the log, or goes on doing so. */
  follow(): Promise<RunningProjection> {
    // A killed process holds its share for as long as its lease runs.
    const options = {
      engine: this.#engine,
      store: this.#store,
      projection: salesProjection,
      batchMax: 1_000,
      leaseMs: 1_000,
    };
    return (this.#following ??= openProjection(options));
  }

  /** A page of days in order, those behind `after`. */
  byDay(page: { readonly after?: string | undefined; readonly limit: number }): readonly Sales[] {
    return this.#engine.sql.all<Sales>(daySql, page.after ?? "", page.limit);
  }

  /** The countries with the highest sales. */
  byCountry(limit: number): readonly Sales[] {
    return this.#engine.sql.all<Sales>(countrySql, limit);
  }

  /** The products with the highest sales. */
  byProduct(limit: number): readonly ProductSales[] {
    return this.#engine.sql.all<ProductSales>(productSql, limit);
  }

  /** What is bought together with a product, most often first. */
  boughtTogether(code: string, limit: number): readonly Companion[] {
    return this.#engine.sql.all<Companion>(companionSql, JSON.stringify(code), code, limit);
  }

  /** Resolves once every order that is confirmed by now is counted. */
  async caughtUp(): Promise<void> {
    await (await this.follow()).caughtUp();
  }

  /** How far the views are. */
  async status(): Promise<SubscriptionStatus> {
    return await (await this.follow()).status();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await (await this.#following)?.[Symbol.asyncDispose]();
  }
}

/** Opens the views, and goes on counting where it stopped. */
export async function openAnalytics(engine: SqliteEngine, store: EventStore, mode: ViewsMode): Promise<Analytics> {
  await engine.migrate("shop", salesTables);
  const analytics = new Analytics(engine, store);
  if (mode === "live") await analytics.follow();
  return analytics;
}
