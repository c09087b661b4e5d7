import { call, contract, event, failure } from "ashlar/contract";
import { z } from "zod";
import { limitSchema, lineSchema, nothingSchema, productCodeSchema } from "./schemas.ts";

/** As services know a product; the price is in hundredths of a minor unit. */
const productSchema = z.object({ code: z.string(), name: z.string(), price: z.int() });

/** As customers see it. */
const summary = { code: z.string(), name: z.string(), price: z.string().describe("Decimal text, exact.") };

/** What can be bought. */
export const catalog = contract("catalog", {
  owner: "assortment",
  responsibilities: ["Knows every product that was ever sold, with its name and price"],
  calls: {
    list: call({
      summary: "Products by code, a page at a time; with `search`, those with the text in code or name.",
      input: z.strictObject({
        search: lineSchema(100).optional(),
        limit: limitSchema,
        after: productCodeSchema.optional(),
      }),
      output: z.object({
        items: z.array(z.object(summary)),
        next: z.string().optional().describe("For `after`; absent on the last page."),
      }),
      semantics: "safe",
      http: "GET /products",
    }),
    get: call({
      summary: "Price, availability and what is bought together with a product.",
      input: z.strictObject({ code: productCodeSchema }),
      output: z.object({
        ...summary,
        available: z.int().describe("Units that can be promised to the next order."),
        boughtTogether: z.array(z.object({ code: z.string(), name: z.string(), orders: z.int() })),
      }),
      errors: {
        noSuchProduct: failure({
          title: "No product has this code",
          status: 404,
          data: z.object({ code: z.string() }),
        }),
      },
      semantics: "safe",
      http: "GET /products/{code}",
    }),
    find: call({
      summary: "The products of these codes that there are, in no particular order.",
      input: z.strictObject({ codes: z.array(z.string()).max(1_000) }),
      output: z.object({ products: z.array(productSchema) }),
      semantics: "safe",
    }),
    sight: call({
      summary: "Remembers products as they were first seen; a name is filled in when there was none.",
      input: z.strictObject({ products: z.array(z.strictObject(productSchema.shape)) }),
      output: nothingSchema,
      semantics: "idempotent",
    }),
  },
  events: {
    changed: event({
      summary: "A product has changed: whoever keeps a copy has an old one.",
      key: "code",
      data: productSchema,
    }),
  },
});
