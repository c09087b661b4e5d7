import { type Chooser, type Draw, isSkipped, mixed } from "./draw.ts";
import { loadMax } from "./load-bound.ts";
import type { Pool } from "./pool.ts";
import type { Slot } from "./slot.ts";

/** Tables kept: one for each zone and subset in use, beyond it the oldest is built again when needed. */
const tablesMax = 16;
// After so many steps through the table the slots themselves are looked through. Half of them open makes 2^-64 of it.
const stepsMax = 64;

/**
 * The endpoint at the key's place in a table that all fill in turn, each in an order of its own. O(1) and even to 1 %; when one
 * leaves, under 1 % of the other keys move. While one is ejected or unhealthy no table is built: its keys walk on to the next place.
 * Source: Eisenbud and others 2016, Maglev, 3.4; bounded loads as of Mirrokni and others.
 */
export function maglev(options: { readonly loadFactor: number; readonly tableSize: number }): Chooser {
  const tables = new Map<string, Uint16Array>();
  // A pool never changes, and most picks are from the same.
  let last: { readonly pool: Pool; readonly table: Uint16Array } | undefined;

  function tableOf(pool: Pool): Uint16Array {
    if (last?.pool === pool) return last.table;
    const layout = pool.base.map((slot) => `${slot.weight} ${slot.endpoint.id}`).join("\n");
    const table = tables.get(layout) ?? maglevTable(pool.base, options.tableSize);
    tables.delete(layout);
    tables.set(layout, table);
    const [oldest] = tables.keys();
    if (tables.size > tablesMax && oldest !== undefined) tables.delete(oldest);
    last = { pool, table };
    return table;
  }

  return {
    choose(pool: Pool, draw: Draw): Slot | undefined {
      const table = tableOf(pool);
      const perWeight = loadMax(pool, draw, options.loadFactor);
      let at = draw.keyHash % table.length;
      for (let step = 0; step < stepsMax; step++) {
        const place = table[at] ?? 0;
        const slot = pool.base[place];
        if (slot !== undefined && pool.isOpen[place] === 1 && slot.inFlight < perWeight * slot.weight) {
          if (!isSkipped(draw, slot)) return slot;
        }
        if (++at === table.length) at = 0;
      }
      return anyBelow(pool, draw, perWeight) ?? anyBelow(pool, draw, Infinity);
    },
  };
}

/** From a place that depends on the key. */
function anyBelow({ slots }: Pool, draw: Draw, perWeight: number): Slot | undefined {
  for (let step = 0; step < slots.length; step++) {
    const slot = slots[(draw.keyHash + step) % slots.length];
    if (slot !== undefined && slot.inFlight < perWeight * slot.weight && !isSkipped(draw, slot)) return slot;
  }
  return undefined;
}

/** Places of `base` in a table of prime size. Lighter slots leave out turns. About 10 ms for 65,537 places. */
export function maglevTable(base: readonly Slot[], size: number): Uint16Array {
  const table = new Uint16Array(size);
  const isTaken = new Uint8Array(size);
  const heaviest = base.reduce((most, slot) => Math.max(most, slot.weight), 0);
  const orders = base.map((slot) => ({
    at: mixed(slot.salt, 0x243f6a88) % size,
    skip: (mixed(slot.salt, 0x85a308d3) % (size - 1)) + 1,
    gain: slot.weight / heaviest,
    turns: 0,
  }));
  for (let left = size; left > 0;) {
    for (const [place, order] of orders.entries()) {
      order.turns += order.gain;
      if (order.turns < 1 || left === 0) continue;
      order.turns -= 1;
      while (isTaken[order.at] === 1) order.at = (order.at + order.skip) % size;
      table[order.at] = place;
      isTaken[order.at] = 1;
      left--;
    }
  }
  return table;
}
