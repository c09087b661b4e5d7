import type { Change, Engine } from "ashlar/engine";
import { draw } from "../draw.ts";
import { callOf, type ShopCall } from "../planning.ts";
import { isStocked } from "../product-code.ts";
import { dispatchDecider } from "./dispatch.ts";
import type { Units } from "./units.ts";
import { stockDecider, type BackOnSale, type StockCommand, type Supply } from "./stock.ts";

/** `plenty`: the supplier delivers whatever is missing. `tight`: every product starts with a drawn quantity and gets nothing more. */
export type StockMode = "plenty" | "tight";

export interface InventoryOptions {
  readonly stock: StockMode;
  readonly releases: BackOnSale;
  readonly seed: number;
}

/** Cells that list the products with units which are not on sale again yet. */
const returningSpace = "stock-returning";

/** Commands of the inventory for commits of others: what an order, a return or a count does to the stock of its products. */
export class Inventory {
  readonly #options: InventoryOptions;

  constructor(options: InventoryOptions) {
    this.#options = options;
  }

  reserve(order: string, goods: readonly Units[]): readonly ShopCall[] {
    return goods.map(({ code, quantity }) =>
      call(code, { kind: "reserve", order, quantity, supply: this.#supply(code) }),
    );
  }

  dispatch(order: string, units: readonly Units[]): readonly ShopCall[] {
    return units.length === 0 ? [] : [callOf(dispatchDecider, order, { kind: "dispatch", units })];
  }

  writeOff(invoice: string, goods: readonly Units[]): readonly ShopCall[] {
    return goods.map(({ code, quantity }) =>
      call(code, { kind: "write off", invoice, quantity, supply: this.#supply(code) }),
    );
  }

  release(order: string, goods: readonly Units[]): readonly ShopCall[] {
    const sale = this.#options.releases;
    return goods.map(({ code, quantity }) => call(code, { kind: "release", order, quantity, sale }));
  }

  restock(order: string, goods: readonly Units[]): readonly ShopCall[] {
    const sale = this.#options.releases;
    return goods.map(({ code, quantity }) => call(code, { kind: "restock", order, quantity, sale }));
  }

  /** What goes into the same commit as `release` and `restock`: the list of what waits for the close of the day. */
  returning(goods: readonly Units[]): readonly Change[] {
    if (this.#options.releases === "at once") return [];
    return goods.map(({ code }) => ({
      op: "put",
      cell: { space: returningSpace, key: code },
      expect: "any",
      value: "1",
    }));
  }

  #supply(code: string): Supply {
    const { stock, seed } = this.#options;
    return stock === "plenty" ? { kind: "delivers" } : { kind: "opening", quantity: openingQuantity(seed, code) };
  }
}

/** Goods of some lines, one entry a product, without what is only charged. */
export function goodsOf(lines: readonly Units[]): readonly Units[] {
  const units = new Map<string, number>();
  for (const { code, quantity } of lines) if (isStocked(code)) units.set(code, (units.get(code) ?? 0) + quantity);
  return Array.from(units, ([code, quantity]) => ({ code, quantity }));
}

/** Puts up to `limit` products back on sale; for the close of a business day, when nothing of it is in flight. */
export async function returnToSale(
  engine: Engine,
  limit: number,
): Promise<{ readonly calls: readonly ShopCall[]; readonly cells: readonly Change[] }> {
  const calls: ShopCall[] = [];
  const cells: Change[] = [];
  for await (const cell of engine.scan({ kind: "cells", space: returningSpace, limit })) {
    calls.push(call(cell.key, { kind: "return to sale" }));
    cells.push({ op: "put", cell: { space: returningSpace, key: cell.key }, expect: cell.version, value: undefined });
    if (calls.length >= limit) break;
  }
  return { calls, cells };
}

function call(code: string, command: StockCommand): ShopCall {
  return callOf(stockDecider, code, command);
}

/** Evenly spread over the orders of magnitude, as demand is. */
function openingQuantity(seed: number, code: string): number {
  const { smallest, largest } = openingRange;
  return Math.round(smallest * (largest / smallest) ** draw(seed, "opening stock", code));
}

// So that of the orders of December 2010 some 7 to 13 % meet an empty shelf (measured over six seeds).
const openingRange = { smallest: 900, largest: 20_000 };
