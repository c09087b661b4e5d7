import { RefusedError, type Engine, type Put } from "ashlar/engine";
import type { PaymentMethodName } from "../contracts/mod.ts";

/** Units by product code, in the order in which they were picked. */
export type Quantities = Readonly<Record<string, number>>;

/** An order that is being made of what was picked, as it will be placed however often that is tried. */
export interface Ordering {
  /** Idempotency key of the order. */
  readonly key: string;
  readonly country: string;
  readonly payment: { readonly method: PaymentMethodName };
  readonly quantities: Quantities;
}

/** What a customer has picked. */
interface Picked {
  readonly quantities: Quantities;
  readonly ordering?: Ordering | undefined;
}

/** A cart as it was read. */
export interface Cart extends Picked {
  /** Of the cell; "absent" before the first. */
  readonly version: number | "absent";
}

/** The most different products in a cart. */
export const itemsMax = 100;

const space = "cart";
const roundsMax = 100;

/** Carts, one cell a customer. */
export class Carts {
  readonly #engine: Engine;

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  async find(customer: string): Promise<Cart> {
    const [cell] = await this.#engine.get([{ space, key: customer }]);
    if (cell === undefined) return { quantities: {}, version: "absent" };
    return { ...(JSON.parse(cell.value) as Picked), version: cell.version };
  }

  /** Changes a cart, anew when another request was faster. `change` may throw to leave it as it is. */
  async update(customer: string, change: (cart: Cart) => Picked): Promise<Picked> {
    for (let round = 1; ; round++) {
      const cart = await this.find(customer);
      const next = change(cart);
      if (next === cart) return cart;
      const result = await this.#engine.commit([this.change(customer, cart, next)]);
      if (result.committed) return next;
      if (result.refusal.kind !== "cell-conflict" || round === roundsMax) throw new RefusedError(result.refusal);
    }
  }

  /** The change that makes `next` of a cart, refused when it is not as it was read. */
  change(customer: string, { version }: Cart, { ordering, quantities }: Picked): Put {
    const value = JSON.stringify({ quantities, ordering } satisfies Picked);
    return { op: "put", cell: { space, key: customer }, expect: version, value };
  }
}

/** What was picked, as it is ordered and shown. */
export function itemsOf(quantities: Quantities): { product: string; quantity: number }[] {
  return Object.entries(quantities).map(([product, quantity]) => ({ product, quantity }));
}

/** The cart with so many of a product, which keeps its place. */
export function withItem({ ordering, quantities }: Picked, product: string, quantity: number): Picked {
  const { [product]: _, ...others } = quantities;
  return { quantities: quantity === 0 ? others : { ...quantities, [product]: quantity }, ordering };
}

/** The cart once all that was picked is being ordered. */
export function withOrdering({ quantities }: Picked, order: Omit<Ordering, "quantities">): Picked {
  return { quantities: {}, ordering: { ...order, quantities } };
}

/** The cart once its order is placed. */
export function withoutOrdering({ quantities }: Picked): Picked {
  return { quantities };
}

/** The cart once its order was refused: what was to be ordered lies in it again, unless something newer fills it. */
export function putBack({ ordering, quantities }: Picked): Picked {
  const items = Object.entries({ ...ordering?.quantities, ...quantities }).slice(0, itemsMax);
  return { quantities: Object.fromEntries(items) };
}
