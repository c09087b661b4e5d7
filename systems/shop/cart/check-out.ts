import { createHash } from "node:crypto";
import { isFailure, type Client } from "ashlar/contract";
import { RefusedError } from "ashlar/engine";
import type { CommitEnd, CommitWork } from "ashlar/service";
import { orders, type OrderView } from "../contracts/mod.ts";
import { itemsOf, putBack, withOrdering, withoutOrdering, type Cart, type Carts, type Ordering } from "./cart.ts";

/** Who asks for the order of a cart, and how it is to be paid and sent. */
export interface CheckOut extends Pick<Ordering, "country" | "payment"> {
  readonly customer: string;
  /** Idempotency key of the request. */
  readonly key: string;
}

/** What a check-out works with. */
export interface CheckOutTools {
  readonly carts: Carts;
  readonly orders: Pick<Client<typeof orders>, "place">;
  /** Commits the answer under the key of the request, together with the changes. */
  readonly commit: (work: CommitWork<OrderView>) => Promise<CommitEnd<OrderView>>;
  readonly fail: {
    empty(data: { customer: string }): Error;
    notForSale(data: { products: string[] }): Error;
    overloaded(data: object): Error;
  };
}

// Each round brings another request for the same cart to its end, or loses to it.
const roundsMax = 100;

/**
 * Orders what is in a cart, and empties it. What is to be ordered is taken out of the cart, under a key of its own, before it is ordered: whoever comes
 * back after a crash orders the same things under the same key, whatever was put in or asked for meanwhile. A check-out that nobody comes
 * back for is brought to its end by the next one.
 */
export async function checkOut(tools: CheckOutTools, wish: CheckOut): Promise<OrderView> {
  const { carts, fail } = tools;
  const { customer } = wish;
  const key = `cart/${createHash("sha256").update(`${customer}/${wish.key}`).digest("hex")}`;
  for (let round = 1; round <= roundsMax; round++) {
    const ordering = await begun(carts, { ...wish, key });
    if (ordering === undefined) throw fail.empty({ customer });
    const order = await placed(tools, customer, ordering);
    if ("refused" in order) {
      await carts.update(customer, (now) => (isUnderWay(now, ordering) ? putBack(now) : now));
      if (ordering.key === key) throw fail.notForSale({ products: [...order.refused] });
    } else if (ordering.key === key) return await answered(tools, customer, { ordering, order });
    else await carts.update(customer, (now) => (isUnderWay(now, ordering) ? withoutOrdering(now) : now));
  }
  throw fail.overloaded({});
}

/** What is being ordered already, or from now on; `undefined` when there is nothing. */
async function begun(carts: Carts, { customer, key, country, payment }: CheckOut): Promise<Ordering | undefined> {
  const { ordering } = await carts.update(customer, (cart) => {
    const isEmpty = Object.keys(cart.quantities).length === 0;
    return cart.ordering !== undefined || isEmpty ? cart : withOrdering(cart, { key, country, payment });
  });
  return ordering;
}

async function placed(
  { fail, orders: shop }: CheckOutTools,
  customer: string,
  { country, key, payment, quantities }: Ordering,
): Promise<OrderView | { readonly refused: readonly string[] }> {
  const items = itemsOf(quantities);
  try {
    return await shop.place({ customer, country, items, payment }, { key });
  } catch (error) {
    if (isFailure(error, orders.calls.place, "overloaded")) throw fail.overloaded({});
    if (!isFailure(error, orders.calls.place, "unknownProducts")) throw error;
    return { refused: error.data.items.flatMap((at) => items[at]?.product ?? []) };
  }
}

interface Placed {
  readonly ordering: Ordering;
  readonly order: OrderView;
}

/** Commits the answer together with the cart that has been ordered from. */
async function answered({ carts, commit }: CheckOutTools, customer: string, placed: Placed): Promise<OrderView> {
  const { order: output, ordering } = placed;
  for (let round = 1; ; round++) {
    const now = await carts.find(customer);
    const changes = isUnderWay(now, ordering) ? [carts.change(customer, now, withoutOrdering(now))] : [];
    const end = await commit({ output, changes });
    if (end.committed) return output;
    if (end.refusal.kind !== "cell-conflict" || round === roundsMax) throw new RefusedError(end.refusal);
  }
}

/** Whether the cart still waits for the end of this order, which another request may have brought about. */
function isUnderWay(now: Cart, ordering: Ordering): boolean {
  return now.ordering?.key === ordering.key;
}
