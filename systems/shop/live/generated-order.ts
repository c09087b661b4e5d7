import { draw, drawOne } from "../draw.ts";
import { catalogue } from "./catalogue.ts";

/** An order as a customer sends it. */
export interface GeneratedOrder {
  /** Idempotency key: what makes its id, and with the id everything that the outside world does to it. */
  readonly key: string;
  readonly body: {
    readonly customer: string;
    readonly country: string;
    readonly items: { readonly product: string; readonly quantity: number }[];
    readonly payment: { readonly method: "card" | "paypal" | "crypto" };
  };
  readonly wish: "keep" | "return one item" | "cancel";
}

const firstNames = "ada ben cleo dan eva finn gina hugo iris jon kate liam mona nils olga pia quin rosa sam tess".split(
  " ",
);
const lastNames = "brook carter dale ellis fields grant hayes lane marsh north pryce reed stone vale wells".split(" ");
/** More of the orders come from where the shop is. */
const countries = [
  "United Kingdom",
  "United Kingdom",
  "United Kingdom",
  "Ireland",
  "France",
  "Germany",
  "Netherlands",
  "Norway",
  "Portugal",
] as const;
const methods = ["card", "card", "card", "paypal", "paypal", "crypto"] as const;
const itemsMax = 5;
const quantityMax = 3;
/** Above 1 the first products of the catalogue are asked for more often than the last. */
const fashion = 1.4;
const wishes = { return: 0.05, cancel: 0.02 };

/** The n-th order of a run: the same for the same seed, run and n. */
export function generatedOrder(seed: number, run: number, n: number): GeneratedOrder {
  const place = [run, n] as const;
  const customer = [firstNames, lastNames].map(
    (names, at) => names[Math.floor(draw(seed, "name", at, ...place) * names.length)],
  );
  const wish = draw(seed, "wish", ...place);
  return {
    key: `run-${run}-seed-${seed}-order-${n}`,
    body: {
      customer: customer.join("."),
      country: drawOne(countries, seed, "country", customer.join(".")),
      items: itemsOf(seed, place),
      payment: { method: drawOne(methods, seed, "method", ...place) },
    },
    wish: wish < wishes.return ? "return one item" : wish < wishes.return + wishes.cancel ? "cancel" : "keep",
  };
}

function itemsOf(seed: number, place: readonly [run: number, n: number]): GeneratedOrder["body"]["items"] {
  const count = 1 + Math.floor(draw(seed, "items", ...place) * itemsMax);
  const quantities = new Map<string, number>();
  for (let item = 0; item < count; item++) {
    const at = Math.floor(draw(seed, "product", item, ...place) ** fashion * catalogue.length);
    const product = catalogue[at]?.code ?? "";
    quantities.set(product, 1 + Math.floor(draw(seed, "quantity", item, ...place) * quantityMax));
  }
  return Array.from(quantities, ([product, quantity]) => ({ product, quantity }));
}
