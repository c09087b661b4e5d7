import type { Clock } from "ashlar/clock";
import { InvariantError } from "ashlar/errors";
import { productCode } from "../product-code.ts";
import type { Shop } from "../shop.ts";
import { commitOnce } from "./commit-once.ts";
import { readOrder } from "./order-view.ts";
import { businessTime } from "./place-order.ts";
import { readReturn, type RecordedReturn } from "./return-view.ts";
import type { NewReturn, Returning, Storefront } from "./storefront.ts";

/** Takes live returns: all of the items, from one order, or nothing. */
export function returnTaker(
  shop: Shop,
  clock: Clock,
  idOf: (key: string | undefined) => string,
): Storefront["returnItems"] {
  return async (request, key) => {
    const id = idOf(key);
    const end = await commitOnce<RecordedReturn, "unknown order" | "not returnable">({
      engine: shop.engine,
      find: () => readReturn(shop.store, id),
      async plan() {
        const order = await readOrder(shop.store, request.order);
        if (order === undefined) return { refused: "unknown order" };
        const { customer } = order.placed;
        const lines = linesOf(request);
        const placedAt = businessTime(clock.now());
        const planned = await shop.returns.requesting({ id, customer, placedAt, lines, order: request.order }, []);
        const isWhole = planned.saga === "started" && planned.lines.every((line) => line.matched === line.quantity);
        return isWhole ? { commit: planned } : { refused: "not returnable" };
      },
    });
    return returningOf(end, request, () => readReturn(shop.store, id));
  };
}

type End = Awaited<ReturnType<typeof commitOnce<RecordedReturn, "unknown order" | "not returnable">>>;

async function returningOf(
  end: End,
  request: NewReturn,
  read: () => Promise<RecordedReturn | undefined>,
): Promise<Returning> {
  switch (end.kind) {
    case "found":
      return isSame(end.found, request) ? { kind: "repeated", return: end.found.view } : { kind: "key reused" };
    case "refused":
      return { kind: end.refused };
    case "overloaded":
      return end;
    case "committed": {
      const requested = await read();
      if (requested === undefined) throw new InvariantError("a return that was requested is there");
      return { kind: "requested", return: requested.view };
    }
    default:
      throw new Error(`unknown end ${end satisfies never}`);
  }
}

function linesOf({ items }: NewReturn): readonly { readonly code: string; readonly quantity: number }[] {
  return items.map(({ product, quantity }) => ({ code: productCode(product), quantity }));
}

function isSame({ requested }: RecordedReturn, request: NewReturn): boolean {
  const lines = linesOf(request);
  const isSameOrder = requested.parts.every((part) => part.order === request.order);
  if (!isSameOrder || requested.lines.length !== lines.length) return false;
  return lines.every(({ code, quantity }, index) => {
    const line = requested.lines[index];
    return line?.code === code && line.quantity === quantity;
  });
}
