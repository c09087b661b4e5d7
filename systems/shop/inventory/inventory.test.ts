import { openMemoryEngine } from "ashlar/engine/memory";
import { openEventStore } from "ashlar/events";
import { expect, test } from "vitest";
import { Inventory } from "./inventory.ts";
import { openTickets } from "./tickets.ts";

const never = new AbortController().signal;
const settings = { stock: "tight", sale: "at once", seed: 1 } as const;

test("what is released and restocked in a replay is on sale from the close of the day, in a live shop at once", async () => {
  for (const sale of ["at once", "at day close"] as const) {
    await using engine = await openMemoryEngine();
    const store = await openEventStore({ engine });
    const stock = new Inventory(store, await openTickets(store), { ...settings, sale });
    await stock.topUp([{ code: "MUG", quantity: 10 }]);
    const one = [{ code: "MUG", quantity: 1 }];
    expect(await stock.reserve("1", one, { signal: never })).toBe("reserved");
    await stock.release("1");
    await stock.restock("2", one);
    await stock.restock("2", one);
    expect(await stock.available("MUG")).toBe(sale === "at once" ? 11 : 9);
    expect(await stock.closeDay()).toBe(sale === "at once" ? 0 : 1);
    expect(await stock.available("MUG")).toBe(11);
  }
});

test("a shelf that is topped up by two at once receives once what is missing", async () => {
  await using engine = await openMemoryEngine();
  const store = await openEventStore({ engine });
  const stock = new Inventory(store, await openTickets(store), settings);
  const shelves = [{ code: "MUG", quantity: 100 }];
  const received = await Promise.all([stock.topUp(shelves), stock.topUp(shelves), stock.topUp(shelves)]);
  expect(received.reduce((sum, units) => sum + units, 0)).toBe(100);
  expect(await stock.available("MUG")).toBe(100);
  expect(await stock.topUp([{ code: "MUG", quantity: 120 }])).toBe(20);
  expect(await stock.topUp([{ code: "MUG", quantity: 50 }])).toBe(0);
});
