import type { Clock } from "ashlar/clock";
import { InvariantError } from "ashlar/errors";
import { lineTotal, sumMinor } from "../money.ts";
import type { OrderLine, PlacedOrder } from "../orders/mod.ts";
import { isStocked, productCode } from "../product-code.ts";
import type { Shop } from "../shop.ts";
import { commitOnce } from "./commit-once.ts";
import { customerIndexChange } from "./customer-index.ts";
import { readOrder, type RecordedOrder } from "./order-view.ts";
import type { NewOrder, Placing, Storefront } from "./storefront.ts";

/** Places live orders at the prices of the catalogue. */
export function orderPlacer(
  shop: Shop,
  clock: Clock,
  idOf: (key: string | undefined) => string,
): Storefront["placeOrder"] {
  return async (order, key) => {
    const id = idOf(key);
    const end = await commitOnce({
      engine: shop.engine,
      find: () => readOrder(shop.store, id),
      async plan() {
        const { lines, unknownItems } = await price(shop, order);
        if (unknownItems.length > 0) return { refused: unknownItems };
        const nowMs = clock.now();
        const also = [customerIndexChange(order.customer, id, nowMs)];
        return { commit: shop.orders.placing(id, placedOrder(order, lines, nowMs), also) };
      },
    });
    return placingOf(end, order, () => readOrder(shop.store, id));
  };
}

type End = Awaited<ReturnType<typeof commitOnce<RecordedOrder, readonly number[]>>>;

async function placingOf(end: End, order: NewOrder, read: () => Promise<RecordedOrder | undefined>): Promise<Placing> {
  switch (end.kind) {
    case "found":
      return isSame(end.found.placed, order) ? { kind: "repeated", order: end.found.view } : { kind: "key reused" };
    case "refused":
      return { kind: "unknown products", unknownItems: end.refused };
    case "overloaded":
      return end;
    case "committed": {
      const placed = await read();
      if (placed === undefined) throw new InvariantError("an order that was placed is there");
      return { kind: "placed", order: placed.view };
    }
    default:
      throw new Error(`unknown end ${end satisfies never}`);
  }
}

interface Priced {
  readonly lines: readonly OrderLine[];
  /** Items that no product of the catalogue, or no exact amount, answers to. */
  readonly unknownItems: readonly number[];
}

async function price({ catalog }: Shop, { items }: NewOrder): Promise<Priced> {
  const lines: OrderLine[] = [];
  const unknownItems: number[] = [];
  for (const [index, { product, quantity }] of items.entries()) {
    const code = productCode(product);
    const known = isStocked(code) ? await catalog.find(code) : undefined;
    const totalMinor = known === undefined ? undefined : lineTotal(quantity, known.price);
    if (totalMinor === undefined) unknownItems.push(index);
    else lines.push({ code, quantity, totalMinor });
  }
  return { lines, unknownItems };
}

function placedOrder(order: NewOrder, lines: readonly OrderLine[], nowMs: number): PlacedOrder {
  const { customer, country, payment } = order;
  const totalMinor = sumMinor(lines.map((line) => line.totalMinor));
  return { lines, customer, country, placedAt: businessTime(nowMs), totalMinor, method: payment.method };
}

/** `YYYY-MM-DD HH:MM:SS`, UTC. */
export function businessTime(nowMs: number): string {
  return new Date(nowMs).toISOString().slice(0, 19).replace("T", " ");
}

/** Whether a repeat asks for the same. Prices may have changed meanwhile; they are those of the first time. */
function isSame(placed: PlacedOrder, { customer, country, items, payment }: NewOrder): boolean {
  const isSameHead = placed.customer === customer && placed.country === country && placed.method === payment.method;
  if (!isSameHead || placed.lines.length !== items.length) return false;
  return items.every(({ product, quantity }, index) => {
    const line = placed.lines[index];
    return line?.code === productCode(product) && line.quantity === quantity;
  });
}
