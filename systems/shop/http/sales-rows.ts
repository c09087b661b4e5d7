import type { Shop } from "../shop.ts";
import type { SalesGrouping, SalesRow } from "./storefront.ts";

interface Figures {
  readonly name: string;
  readonly orders: number;
  readonly units: number;
  readonly minor: number;
}

const daysAtOnce = 1_000;

/** Sales figures: countries and products with the highest sales first, days with the latest first. */
export async function salesRows(shop: Shop, by: SalesGrouping, limit: number): Promise<readonly SalesRow[]> {
  const { analytics, catalog } = shop;
  switch (by) {
    case "country":
      return analytics.byCountry(limit).map(rowOf);
    case "day":
      return latestDays(shop, limit).map(rowOf);
    case "product": {
      const rows = analytics.byProduct(limit).map(async (figures) => {
        return { ...rowOf(figures), name: (await catalog.find(figures.name))?.name };
      });
      return Promise.all(rows);
    }
    default:
      throw new Error(`unknown grouping ${by satisfies never}`);
  }
}

function latestDays({ analytics }: Shop, limit: number): readonly Figures[] {
  let latest: readonly Figures[] = [];
  for (let after: string | undefined; ;) {
    const page = analytics.byDay({ after, limit: daysAtOnce });
    latest = [...latest, ...page].slice(-limit);
    if (page.length < daysAtOnce) return latest.toReversed();
    after = page.at(-1)?.name;
  }
}

function rowOf({ name: group, orders, units, minor: totalMinor }: Figures): SalesRow {
  return { group, orders, units, totalMinor };
}
