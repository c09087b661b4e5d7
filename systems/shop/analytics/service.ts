import { engineToken, implement, type EngineToken, type Implementation } from "ashlar/service";
import { analytics, catalog, orders } from "../contracts/mod.ts";
import { currency } from "../currency.ts";
import { type OpenReads, readSql, shopSql, type ShopEngine, type ShopReads } from "../storage/mod.ts";
import { addReturn, addSale, makeTables } from "./sales-tables.ts";
import { companionsOf, salesBy, totalSales, type Sales } from "./views.ts";

/** The file of the views. */
export const analyticsFile: EngineToken<ShopEngine> = engineToken<ShopEngine>("analytics");

/** Analytics as a service: tables of its own, filled by the events of the orders, each counted once. */
export function analyticsService(openReads: OpenReads): Implementation {
  return implement(analytics)({
    needs: { orders, catalog },
    engine: analyticsFile,
    async open({ engine, clock, log, resources }): Promise<ShopReads> {
      await makeTables(engine);
      return resources.use(await openReads(engine, { name: analyticsFile.name, clock, log }));
    },
    calls: {
      async sales({ input: { by, limit, after }, needs, own }) {
        const rows = (await salesBy(own.sql(after), by, limit)).map(rowOf);
        if (by !== "product") return { by, currency, rows };
        const { products } = await needs.catalog.find({ codes: rows.map(({ group }) => group) });
        const names = new Map(products.map(({ code, name }) => [code, name]));
        return { by, currency, rows: rows.map((row) => ({ ...row, name: names.get(row.group) ?? "" })) };
      },
      async boughtTogether({ input, own }) {
        return { companions: [...(await companionsOf(own.sql(), input.code, input.limit))] };
      },
      async status({ heard, own }) {
        const counted = await heard("orders");
        // Taken afterwards, it is behind the commits that counted them, whichever process made them.
        return { ...counted, position: await own.position() };
      },
      async audit({ engine, heard }) {
        const { waiting, dead } = await heard("orders");
        return { ...(await totalSales(readSql(engine.sql))), waiting, dead };
      },
    },
    on: {
      orders: {
        async sold({ data, tx }) {
          await tx(({ sql }) => addSale(shopSql(sql), data));
        },
        async returned({ data, tx }) {
          await tx(({ sql }) => addReturn(shopSql(sql), data.taken));
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
