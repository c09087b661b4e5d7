import { openEventStore, type EventStore } from "ashlar/events";
import { engineToken, implement, type EngineToken, type Implementation } from "ashlar/service";
import { inventory } from "../contracts/mod.ts";
import type { ShopSettings } from "../settings.ts";
import { auditStock } from "./audit.ts";
import { Inventory } from "./inventory.ts";
import { openTickets } from "./tickets.ts";

/** The file of the inventory. */
export const inventoryFile: EngineToken = engineToken("inventory");

// Every product of the real files, and the reservations under way several times over.
const cachedStreams = 8_000;

interface Own {
  readonly store: EventStore;
  readonly stock: Inventory;
}

/** The inventory as a service. */
export function inventoryService(settings: ShopSettings): Implementation {
  return implement(inventory)({
    engine: inventoryFile,
    async open({ engine }): Promise<Own> {
      const store = await openEventStore({ engine, cacheStreams: cachedStreams, requires: "process" });
      return { store, stock: new Inventory(store, await openTickets(store), settings) };
    },
    calls: {
      async reserve({ input, own, signal }) {
        const { order, goods, ticket } = input;
        return { status: await own.stock.reserve(order, goods, { ticket, signal }) };
      },
      async release({ input, own }) {
        await own.stock.release(input.order);
        return {};
      },
      async dispatch({ input, own, fail }) {
        const stage = await own.stock.dispatch(input.order);
        if (stage !== "dispatched") throw fail.notReserved({ stage });
        return {};
      },
      async restock({ input, own }) {
        await own.stock.restock(input.return, input.goods);
        return {};
      },
      async writeOff({ input, own, signal }) {
        const { invoice, goods, ticket } = input;
        await own.stock.writeOff(invoice, goods, { ticket, signal });
        return {};
      },
      async topUp({ input, own }) {
        return { received: await own.stock.topUp(input.shelves) };
      },
      async closeDay({ own }) {
        return { products: await own.stock.closeDay() };
      },
      async available({ input, own }) {
        const units = input.codes.map(async (code) => ({ code, available: await own.stock.available(code) }));
        return { units: await Promise.all(units) };
      },
      audit: ({ own }) => auditStock(own.store),
    },
  });
}
