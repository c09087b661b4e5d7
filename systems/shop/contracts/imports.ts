import { z } from "zod";
import { goodsSchema, minorSchema, orderLinesSchema } from "./schemas.ts";

const customer = z.string().optional();

/** What an invoice asks of the shop. `order` has purchase lines and, rarely, write-offs; each may be empty. */
const meaningSchema = z.discriminatedUnion("kind", [
  z.strictObject({
    kind: z.literal("order"),
    invoice: z.string(),
    customer,
    country: z.string(),
    placedAt: z.string(),
    lines: orderLinesSchema,
    writeOffs: goodsSchema,
  }),
  z.strictObject({
    kind: z.literal("return"),
    invoice: z.string(),
    customer,
    placedAt: z.string(),
    lines: goodsSchema,
  }),
  z.strictObject({ kind: z.literal("adjustment"), invoice: z.string(), amountMinor: minorSchema }),
  z.strictObject({ kind: z.literal("nothing") }),
]);

/** A line that was not understood. */
const badLineSchema = z.strictObject({ line: z.int(), reason: z.string(), text: z.string() });

/** One invoice of a file, understood. */
export const importedInvoiceSchema = z.strictObject({
  meaning: meaningSchema,
  /** Business day, `YYYY-MM-DD`; absent when no line had one. */
  day: z.string().optional(),
  /** Lines that became what it means. */
  accepted: z.int(),
  quarantine: z.array(badLineSchema),
});

/** How far a file is. */
export const importStateSchema = z.object({
  groups: z.int(),
  read: z.int(),
  end: z.enum(["ahead", "reached"]),
  /** Orders and returns under way. */
  underWay: z.int(),
});

/** A line in quarantine. */
export const quarantinedSchema = z.object({ file: z.string(), line: z.int(), reason: z.string(), text: z.string() });

export type ImportedInvoice = z.infer<typeof importedInvoiceSchema>;
export type InvoiceMeaning = ImportedInvoice["meaning"];
export type BadLine = z.infer<typeof badLineSchema>;
export type ImportState = z.infer<typeof importStateSchema>;
export type Quarantined = z.infer<typeof quarantinedSchema>;
