import type { SqliteEngine } from "ashlar/engine/sqlite";
import { engineToken, implement, type EngineToken, type Implementation } from "ashlar/service";
import { analytics, catalog, orders } from "../contracts/mod.ts";
import { currency } from "../currency.ts";
import { addReturn, addSale, salesTables } from "./sales-tables.ts";
import { companionsOf, salesBy, totalSales, type Sales } from "./views.ts";

/** The file of the views. */
export const analyticsFile: EngineToken<SqliteEngine> = engineToken<SqliteEngine>("analytics");

/** Analytics as a service: tables of its own, filled by the events of the orders, each counted once. */
export function analyticsService(): Implementation {
  return implement(analytics)({
    needs: { orders, catalog },
    engine: analyticsFile,
    open: ({ engine }) => engine.migrate("analytics", salesTables),
    calls: {
      async sales({ input: { by, limit }, engine, needs }) {
        const rows = salesBy(engine.sql, by, limit).map(rowOf);
        if (by !== "product") return { by, currency, rows };
        const { products } = await needs.catalog.find({ codes: rows.map(({ group }) => group) });
        const names = new Map(products.map(({ code, name }) => [code, name]));
        return { by, currency, rows: rows.map((row) => ({ ...row, name: names.get(row.group) ?? "" })) };
      },
      boughtTogether({ input, engine }) {
        return { companions: [...companionsOf(engine.sql, input.code, input.limit)] };
      },
      status: ({ heard }) => heard("orders"),
      async audit({ engine, heard }) {
        const { waiting, dead } = await heard("orders");
        return { ...totalSales(engine.sql), waiting, dead };
      },
    },
    on: {
      orders: {
        async sold({ data, tx }) {
          await tx(({ sql }) => addSale(sql, data));
        },
        async returned({ data, tx }) {
          await tx(({ sql }) => addReturn(sql, data.taken));
        },
      },
    },
  });
}

function rowOf({ name: group, orders: count, units, minor: totalMinor }: Sales): {
  group: string;
  orders: number;
  units: number;
  totalMinor: number;
} {
  return { group, orders: count, units, totalMinor };
}
