import { call, contract } from "ashlar/contract";
import { z } from "zod";
import { bookSumSchema, faultsSchema, minorSchema, nothingSchema, paymentMethodSchema } from "./schemas.ts";

const payment = {
  order: z.string(),
  /** Customer, or for a guest the order: who pays the same way every time. */
  payer: z.string(),
  amountMinor: minorSchema,
  /** How, where the payer said so. */
  method: paymentMethodSchema.optional(),
};
// The provider is asked for as long as its outages last.
const deadlineMs = 30_000;

/** Money: what was charged, given back and corrected, in a ledger that sums to zero. */
export const payments = contract("payments", {
  owner: "finance",
  responsibilities: ["Takes money once an order, gives it back once a refund", "Keeps the books"],
  calls: {
    charge: call({
      summary: "Takes the money for an order. Once, however often it is asked.",
      input: z.strictObject(payment),
      output: z.discriminatedUnion("status", [
        z.object({ status: z.literal("captured"), method: paymentMethodSchema }),
        z.object({ status: z.literal("refused"), reason: z.enum(["declined", "failed"]) }),
      ]),
      semantics: "idempotent",
      deadlineMs,
    }),
    refund: call({
      summary: "Gives money back the way it came. Once for each refund id.",
      input: z.strictObject({ id: z.string(), ...payment }),
      output: nothingSchema,
      semantics: "idempotent",
      deadlineMs,
    }),
    adjust: call({
      summary: "Books a correction that comes from outside, such as a bad debt.",
      input: z.strictObject({ id: z.string(), amountMinor: minorSchema }),
      output: nothingSchema,
      semantics: "idempotent",
    }),
    audit: call({
      summary: "Adds up the ledger, and the books of the provider beside it.",
      input: nothingSchema,
      output: z.object({
        charges: bookSumSchema,
        refunds: bookSumSchema,
        adjustments: bookSumSchema,
        ledgerSumMinor: minorSchema,
        provider: z.object({
          charges: bookSumSchema,
          refunds: bookSumSchema,
          /** Effects beyond the first for one order or refund. */
          repeated: z.object({ charges: z.int(), refunds: z.int() }),
        }),
        faults: faultsSchema,
      }),
      semantics: "safe",
      deadlineMs: 600_000,
    }),
  },
});

/** How a customer pays. */
export type PaymentMethodName = z.infer<typeof paymentMethodSchema>;
