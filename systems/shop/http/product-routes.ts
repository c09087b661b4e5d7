import { z } from "zod";
import { productCode } from "../product-code.ts";
import { wholeNumber } from "./whole-number.ts";
import { pageReply } from "./page-reply.ts";
import { ProblemError } from "./problem.ts";
import { route, type Route } from "./route.ts";
import { productCodeSchema, productPageSchema, productSchema, searchSchema } from "./schemas.ts";
import type { Storefront } from "./storefront.ts";

const limit = wholeNumber({ min: 1, max: 100, byDefault: 20 });

/** What can be bought. */
export function productRoutes(storefront: Storefront): readonly Route[] {
  return [
    route({
      method: "GET",
      template: "/products",
      operation: "listProducts",
      tag: "products",
      summary: "Products by code, a page at a time; with `search`, those with the text in code or name.",
      query: z.strictObject({ search: searchSchema.optional(), limit, after: productCodeSchema.optional() }),
      answers: { 200: { description: "One page.", schema: productPageSchema } },
      handle: async ({ query }) => pageReply("/products", query, await storefront.products(query)),
    }),
    route({
      method: "GET",
      template: "/products/{code}",
      operation: "getProduct",
      tag: "products",
      summary: "Price, availability and what is bought together with a product.",
      path: z.strictObject({ code: productCodeSchema }),
      answers: { 200: { description: "The product.", schema: productSchema } },
      async handle({ path }) {
        const product = await storefront.product(productCode(path.code));
        if (product === undefined) throw new ProblemError("no-such-resource", "No product has this code.");
        return { status: 200, body: product };
      },
    }),
  ];
}
