import { isStocked } from "./product-code.ts";

/** Units of one product. */
export interface Units {
  readonly code: string;
  readonly quantity: number;
}

/** Goods of some lines, one entry a product, without what is only charged. */
export function goodsOf(lines: readonly Units[]): readonly Units[] {
  const units = new Map<string, number>();
  for (const { code, quantity } of lines) if (isStocked(code)) units.set(code, (units.get(code) ?? 0) + quantity);
  return Array.from(units, ([code, quantity]) => ({ code, quantity }));
}
