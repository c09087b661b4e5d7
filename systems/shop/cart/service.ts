import type { HandlerOutput } from "ashlar/contract";
import { engineToken, implement, type EngineToken, type Implementation } from "ashlar/service";
import { cart, catalog, orders } from "../contracts/mod.ts";
import { isStocked, productCode } from "../product-code.ts";
import { Carts, itemsMax, itemsOf, withItem, type Cart } from "./cart.ts";
import { checkOut } from "./check-out.ts";

/** The file of the carts. */
export const cartFile: EngineToken = engineToken("cart");

/** Carts as a service. */
export function cartService(): Implementation {
  return implement(cart)({
    needs: { catalog, orders },
    engine: cartFile,
    open: ({ engine }) => new Carts(engine),
    calls: {
      get: async ({ input: { customer }, own }) => viewOf(customer, await own.find(customer)),
      async put({ input: { customer, product, quantity }, own, needs, fail }) {
        const code = productCode(product);
        if (quantity > 0) {
          const { products } = isStocked(code) ? await needs.catalog.find({ codes: [code] }) : { products: [] };
          if (products.length === 0) throw fail.noSuchProduct({ product });
        }
        const next = await own.update(customer, (known) => {
          const changed = withItem(known, code, quantity);
          if (Object.keys(changed.quantities).length > itemsMax) throw fail.full({ itemsMax });
          return changed;
        });
        return viewOf(customer, next);
      },
      async clear({ input: { customer }, own }) {
        return viewOf(customer, await own.update(customer, ({ ordering }) => ({ quantities: {}, ordering })));
      },
      checkOut: ({ input, key = "", own: carts, needs, commit, fail }) =>
        checkOut({ carts, orders: needs.orders, commit, fail }, { ...input, key }),
    },
  });
}

function viewOf(
  customer: string,
  { ordering, quantities }: Pick<Cart, "ordering" | "quantities">,
): HandlerOutput<typeof cart.calls.get> {
  const items = itemsOf(quantities);
  return ordering === undefined ? { customer, items } : { customer, items, ordering: itemsOf(ordering.quantities) };
}
