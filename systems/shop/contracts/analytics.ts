import { call, contract } from "ashlar/contract";
import { z } from "zod";
import { minorSchema, nothingSchema } from "./schemas.ts";

/** Where figures may come from a replica of the database that is a little behind. */
const positionSchema = z
  .string()
  .regex(/^[0-9A-Fa-f]{1,8}\/[0-9A-Fa-f]{1,8}$/, { error: "a position is expected, such as 16/B374D848" })
  .describe(
    "Figures after this position show all that was counted before it; without it they may be five seconds old.",
  );

/** Figures of what was sold, a little behind the orders. */
export const analytics = contract("analytics", {
  owner: "business intelligence",
  responsibilities: ["Counts sales by day, country and product", "Knows what is bought together"],
  calls: {
    sales: call({
      summary: "Confirmed sales, the largest first (days: the latest first). Follows the orders within moments.",
      input: z.strictObject({
        by: z.enum(["day", "country", "product"]),
        limit: z.int().min(1).max(1_000).default(50),
        after: positionSchema.optional(),
      }),
      output: z.object({
        by: z.string(),
        currency: z.string(),
        rows: z.array(
          z.object({
            group: z.string().describe("Day, country or product code."),
            name: z.string().optional().describe("Of a product."),
            orders: z.int(),
            units: z.int(),
            totalMinor: minorSchema,
          }),
        ),
      }),
      semantics: "safe",
      http: "GET /sales",
    }),
    boughtTogether: call({
      summary: "Products in the same baskets as this one, most often first.",
      input: z.strictObject({ code: z.string(), limit: z.int().min(1).max(100) }),
      output: z.object({ companions: z.array(z.object({ code: z.string(), baskets: z.int() })) }),
      semantics: "safe",
    }),
    status: call({
      summary: "How far the events of the orders have been counted.",
      input: nothingSchema,
      output: z.object({
        through: z.int(),
        waiting: z.int(),
        dead: z.int(),
        position: positionSchema.optional(),
      }),
      semantics: "safe",
      http: "GET /sales/status",
    }),
    audit: call({
      summary: "What was counted in all.",
      input: nothingSchema,
      output: z.object({
        orders: z.int(),
        minor: minorSchema,
        /** What came back. */
        returnedUnits: z.int(),
        returnedMinor: minorSchema,
        waiting: z.int(),
        dead: z.int(),
      }),
      semantics: "safe",
    }),
  },
});
