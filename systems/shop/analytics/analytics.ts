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

/** Baskets of a product that recommendations look at: the latest ones, so that they follow fashion and cost the same for every product. */
const basketsMax = 200;
const daySql = "select day as name, orders, units, minor from sales_day where day > ? order by day limit ?";
const countrySql =
  "select country as name, orders, units, minor from sales_country order by minor desc, country limit ?";
const productSql = `select code as name, orders, units, minor, returned_units as returnedUnits, returned_minor as returnedMinor
  from sales_product order by minor desc, code limit ?`;
const companionSql = `select each.value as code, count(*) as baskets
  from (select position from basket_product where code = ? order by position desc limit ${basketsMax}) latest
  join basket using (position), json_each(basket.codes) each
  where each.value <> ? group by each.value order by baskets desc, code limit ?`;

/** Views of the sales, a little behind the orders. */
class Analytics implements AsyncDisposable {
  readonly #engine: SqliteEngine;
  readonly #projection: RunningProjection;

  constructor(engine: SqliteEngine, projection: RunningProjection) {
    this.#engine = engine;
    this.#projection = projection;
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
    return this.#engine.sql.all<Companion>(companionSql, code, code, limit);
  }

  /** Resolves once every order that is confirmed by now is counted. */
  caughtUp(): Promise<void> {
    return this.#projection.caughtUp();
  }

  status(): Promise<SubscriptionStatus> {
    return this.#projection.status();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#projection[Symbol.asyncDispose]();
  }
}

/** Opens the views, and goes on counting where it stopped. */
export async function openAnalytics(engine: SqliteEngine, store: EventStore): Promise<Analytics> {
  await engine.migrate("shop", salesTables);
  return new Analytics(engine, await openProjection({ engine, store, projection: salesProjection, batchMax: 500 }));
}
