import type { Units } from "../goods.ts";
import type { StockEvent } from "./stock.ts";

/** Units of one product, or of all. */
export interface StockSums {
  received: number;
  reserved: number;
  returning: number;
  shipped: number;
  restocked: number;
  writtenOff: number;
}

/** Counts stock from its events by plain arithmetic, apart from the rules that decided on them. */
export class StockCount {
  readonly #products = new Map<string, StockSums>();
  /** Products of which more was promised than there was, at any moment. */
  readonly oversold: Set<string> = new Set();

  dispatched(units: readonly Units[]): void {
    for (const { code, quantity } of units) {
      const sums = this.#sums(code);
      sums.reserved -= quantity;
      sums.shipped += quantity;
      this.#look(code, sums);
    }
  }

  add(code: string, event: StockEvent): void {
    const sums = this.#sums(code);
    const { quantity } = event.data;
    switch (event.type) {
      case "Received":
        sums.received += quantity;
        break;
      case "Reserved":
        sums.received += event.data.received ?? 0;
        sums.reserved += quantity;
        break;
      case "Released":
        sums.reserved -= quantity;
        sums.returning += event.data.sale === "at once" ? 0 : quantity;
        break;
      case "Restocked":
        sums.restocked += quantity;
        sums.returning += event.data.sale === "at once" ? 0 : quantity;
        break;
      case "WrittenOff":
        sums.writtenOff += quantity;
        break;
      case "ReturnedToSale":
        sums.returning -= quantity;
        break;
      default:
        throw new Error(`unknown event ${event satisfies never}`);
    }
    this.#look(code, sums);
  }

  totals(): StockSums {
    const totals = emptySums();
    for (const sums of this.#products.values())
      for (const key of Object.keys(totals) as (keyof StockSums)[]) totals[key] += sums[key];
    return totals;
  }

  #sums(code: string): StockSums {
    const known = this.#products.get(code);
    if (known !== undefined) return known;
    const sums = emptySums();
    this.#products.set(code, sums);
    return sums;
  }

  #look(code: string, sums: StockSums): void {
    if (onHandOf(sums) - sums.reserved - sums.returning < 0 || sums.reserved < 0 || sums.returning < 0)
      this.oversold.add(code);
  }

  products(): Iterable<readonly [code: string, sums: StockSums]> {
    return this.#products;
  }
}

export function onHandOf(sums: StockSums): number {
  return sums.received + sums.restocked - sums.shipped - sums.writtenOff;
}

function emptySums(): StockSums {
  return { received: 0, reserved: 0, returning: 0, shipped: 0, restocked: 0, writtenOff: 0 };
}
