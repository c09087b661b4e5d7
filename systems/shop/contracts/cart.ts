import { call, contract, failure } from "ashlar/contract";
import { z } from "zod";
import { orderViewSchema } from "./orders.ts";
import { customerSchema, lineSchema, paymentMethodSchema, productCodeSchema } from "./schemas.ts";

const itemsSchema = z.array(z.object({ product: z.string(), quantity: z.int() }));
/** A cart: what its customer may buy. */
const cartSchema = z.object({
  customer: z.string(),
  items: itemsSchema,
  ordering: itemsSchema
    .optional()
    .describe("What was checked out and is not answered yet: the next check-out goes on with it."),
});
const byCustomer = z.strictObject({ customer: customerSchema });
const noSuchProduct = failure({
  title: "No product has this code",
  status: 404,
  data: z.object({ product: z.string() }),
});

/** Carts, one a customer. */
export const cart = contract("cart", {
  owner: "checkout",
  responsibilities: ["Keeps what a customer has picked until it is bought"],
  calls: {
    get: call({
      summary: "What is in a cart; nothing in one that nobody has used.",
      input: byCustomer,
      output: cartSchema,
      semantics: "safe",
      http: "GET /carts/{customer}",
    }),
    put: call({
      summary: "Sets how many of a product are in the cart; 0 takes it out.",
      input: z.strictObject({
        customer: customerSchema,
        product: productCodeSchema,
        quantity: z.int().min(0).max(10_000),
      }),
      output: cartSchema,
      errors: {
        noSuchProduct,
        full: failure({ title: "The cart is full", data: z.object({ itemsMax: z.int() }) }),
      },
      semantics: "idempotent",
      http: "PUT /carts/{customer}/items/{product}",
    }),
    clear: call({
      summary: "Empties the cart.",
      input: byCustomer,
      output: cartSchema,
      semantics: "idempotent",
      http: "DELETE /carts/{customer}",
    }),
    checkOut: call({
      summary: "Orders what is in the cart and empties it.",
      input: z.strictObject({
        customer: customerSchema,
        country: lineSchema(60),
        payment: z.strictObject({ method: paymentMethodSchema }),
      }),
      output: orderViewSchema,
      errors: {
        notForSale: failure({
          title: "Not every product can be sold: there is none, or that many do not cost whole pence",
          status: 422,
          data: z.object({ products: z.array(z.string()) }),
        }),
        empty: failure({ title: "There is nothing in the cart", data: z.object({ customer: z.string() }) }),
        overloaded: failure({
          title: "Too much is in flight",
          status: 503,
          retry: "can help",
          data: z.strictObject({}),
        }),
      },
      semantics: "keyed",
      http: { route: "POST /carts/{customer}/checkout", status: 202, location: "/orders/{id}" },
    }),
  },
});
