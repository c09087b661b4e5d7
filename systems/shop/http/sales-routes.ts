import { z } from "zod";
import { currency } from "./currency.ts";
import { wholeNumber } from "./whole-number.ts";
import { route, type Route } from "./route.ts";
import { salesSchema } from "./schemas.ts";
import type { Storefront } from "./storefront.ts";

/** What was sold. */
export function salesRoutes(storefront: Storefront): readonly Route[] {
  return [
    route({
      method: "GET",
      template: "/sales",
      operation: "getSales",
      tag: "sales",
      summary:
        "Confirmed sales by day, country or product, the largest first (days: the latest first). Follows the orders within moments.",
      query: z.strictObject({
        by: z.enum(["day", "country", "product"]),
        limit: wholeNumber({ min: 1, max: 1_000, byDefault: 50 }),
      }),
      answers: { 200: { description: "The figures.", schema: salesSchema } },
      handle: async ({ query }) => ({
        status: 200,
        body: { by: query.by, currency, rows: await storefront.sales(query.by, query.limit) },
      }),
    }),
  ];
}
