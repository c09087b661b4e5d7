import { takeUnits, type Returnable } from "./order.ts";
import type { ReturnLine, ReturnPart } from "./return.ts";

/** An earlier purchase and what of it can still come back. */
export interface Purchase {
  readonly order: string;
  readonly returnable: readonly Returnable[];
}

export interface ReturnMatch {
  readonly lines: readonly ReturnLine[];
  readonly parts: readonly ReturnPart[];
}

/** Matches what comes back against purchases, the latest first (`purchases` comes in this order), unit by unit at the price paid.
 *  Two lines of one product do not find the same units. Pure. */
export function matchReturn(
  wanted: readonly { readonly code: string; readonly quantity: number }[],
  purchases: readonly Purchase[],
): ReturnMatch {
  const left = purchases.map((purchase) => ({ ...purchase }));
  const parts: ReturnPart[] = [];
  const lines = wanted.map(({ code, quantity }) => {
    let open = quantity;
    for (const purchase of left) {
      if (open === 0) break;
      const { taken, left: remaining } = takeUnits(purchase.returnable, code, open);
      if (taken.quantity === 0) continue;
      purchase.returnable = remaining;
      open -= taken.quantity;
      parts.push({ order: purchase.order, ...taken });
    }
    return { code, quantity, matched: quantity - open };
  });
  return { lines, parts };
}
