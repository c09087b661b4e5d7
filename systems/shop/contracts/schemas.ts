import { z } from "zod";

// Shapes that several contracts share. What comes from outside is strict; what goes out may gain fields.

/** The most different products of one order placed by a customer. */
const itemsMax = 100;
const quantityMax = 10_000;

/** Ids of orders, returns and accounts. */
export const idSchema: z.ZodString = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/);

/** Letters, marks and digits of any script, and `. _ @ + ' -` and spaces inside. */
export const customerSchema: z.ZodString = z
  .string()
  .max(64)
  .regex(/^[\p{L}\p{N}](?:[\p{L}\p{M}\p{N} ._@+'-]*[\p{L}\p{M}\p{N}])?$/u, {
    error: "letters and digits are expected, with . _ @ + ' - and spaces only between them",
  });

/** Codes are compared in upper case. */
export const productCodeSchema: z.ZodString = z
  .string()
  .max(32)
  .regex(/^[A-Za-z0-9](?:[A-Za-z0-9 _.-]*[A-Za-z0-9])?$/, { error: "a product code is expected, such as 85123A" });

/** A text for people, on one line. What it lets pass comes back as it was given. */
export function lineSchema(lengthMax: number): z.ZodString {
  return z
    .string()
    .min(1)
    .max(lengthMax)
    .regex(/^[^\p{Cc}\p{Cs}\p{Zl}\p{Zp}]*$/u, {
      error: "text without control characters and lone surrogates is expected",
    });
}

/** Page size of a list. */
export const limitSchema: z.ZodDefault<z.ZodInt> = z.int().min(1).max(100).default(20);

/** Whole minor units (pence). */
export const minorSchema: z.ZodInt = z.int().describe("Whole minor units (pence).");

/** Goods as customers name them. */
export const itemsSchema = z
  .array(z.strictObject({ product: productCodeSchema, quantity: z.int().min(1).max(quantityMax) }))
  .min(1)
  .max(itemsMax);

/** Goods as services name them. Not checked again for spelling: they come from our own records. */
export const goodsSchema = z.array(z.strictObject({ code: z.string(), quantity: z.int().min(1) }));

/** Lines of an order, priced. */
export const orderLinesSchema = z.array(
  z.strictObject({ code: z.string(), quantity: z.int().min(1), totalMinor: minorSchema }),
);

/** How a customer pays. */
export const paymentMethodSchema = z.enum(["card", "paypal", "crypto"]);

/** Nothing to say. */
export const nothingSchema = z.strictObject({});

/** Amounts of one kind, and a sum of hashes over what each was for (see book-sum.ts). */
export const bookSumSchema = z.object({ entries: z.int(), amountMinor: z.int(), fingerprint: z.int() });

/** What was found wrong in a service's own records, at most ten of each kind. */
export const faultsSchema = z.record(z.string(), z.array(z.string()));
