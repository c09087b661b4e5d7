import { type Cache, openCache } from "ashlar/cache";
import type { Clock } from "ashlar/clock";
import type { Client } from "ashlar/contract";
import type { Random } from "ashlar/random";
import type { PaymentMethodName, catalog } from "../contracts/mod.ts";
import { lineTotal, sumMinor, type Price } from "../money.ts";
import { isStocked, productCode } from "../product-code.ts";
import type { SharedCache } from "../storage/mod.ts";
import type { OrderLine, PlacedOrder } from "./order.ts";

interface Item {
  readonly product: string;
  readonly quantity: number;
}

interface NewOrder {
  readonly customer: string;
  readonly country: string;
  readonly payment: { readonly method: PaymentMethodName };
}

/** Lines at the prices of the catalogue. */
export interface Priced {
  readonly lines: readonly OrderLine[];
  /** Items that no product of the catalogue, or no exact amount, answers to. */
  readonly unknownItems: readonly number[];
}

/** Prices that the orders remember; undefined for what the catalogue does not know. */
export type Prices = Cache<Price>;

/** A cache of the catalogue's prices. What has changed there is told by its events, which one process of the orders hears and tells the others; without
 *  a bus a price is at most a minute old there. */
export function openPrices(
  sharing: SharedCache,
  around: { readonly clock: Clock; readonly random: Random },
): Promise<Prices> {
  const ages = { ttlMs: 60_000, staleMs: 600_000, absentMs: 1_000 };
  return openCache<Price>({ name: "prices", entries: 10_000, ...ages, ...sharing, ...around });
}

/** Looks up in one call what is not remembered. */
export async function priced(
  prices: Prices,
  products: Client<typeof catalog>,
  items: readonly Item[],
): Promise<Priced> {
  const codes = items.map(({ product }) => productCode(product));
  const stocked = codes.filter(isStocked);
  const known = await prices.getMany(stocked, async (missing) => {
    const { products: found } = await products.find({ codes: [...missing] });
    const priceOf = new Map(found.map(({ code, price }) => [code, price]));
    return missing.map((code) => priceOf.get(code));
  });
  const priceOf = new Map(stocked.map((code, index) => [code, known[index]]));
  const lines: OrderLine[] = [];
  const unknownItems: number[] = [];
  for (const [index, { quantity }] of items.entries()) {
    const code = codes[index] ?? "";
    const price = priceOf.get(code);
    const totalMinor = price === undefined ? undefined : lineTotal(quantity, price);
    if (totalMinor === undefined) unknownItems.push(index);
    else lines.push({ code, quantity, totalMinor });
  }
  return { lines, unknownItems };
}

/** What is placed. */
export function placedOrder(order: NewOrder, lines: readonly OrderLine[], nowMs: number): PlacedOrder {
  const { customer, country, payment } = order;
  const totalMinor = sumMinor(lines.map((line) => line.totalMinor));
  return { lines, customer, country, placedAt: businessTime(nowMs), totalMinor, method: payment.method };
}

/** `YYYY-MM-DD HH:MM:SS`, UTC. */
export function businessTime(nowMs: number): string {
  return new Date(nowMs).toISOString().slice(0, 19).replace("T", " ");
}
