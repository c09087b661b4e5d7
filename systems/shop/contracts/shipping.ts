import { call, contract, failure } from "ashlar/contract";
import { z } from "zod";
import { idSchema, nothingSchema } from "./schemas.ts";

const deadlineMs = 30_000;

/** Parcels on their way. */
export const shipping = contract("shipping", {
  owner: "warehouse",
  responsibilities: ["Hands parcels to the carrier, one an order", "Calls them back"],
  calls: {
    send: call({
      summary: "Hands the goods of an order to the carrier. Once, however often it is asked.",
      input: z.strictObject({ order: z.string(), units: z.int().min(1) }),
      output: z.discriminatedUnion("status", [
        z.object({ status: z.literal("sent"), tracking: z.string() }),
        z.object({ status: z.literal("refused") }),
      ]),
      semantics: "idempotent",
      deadlineMs,
    }),
    recall: call({
      summary: "Calls the parcel of an order back.",
      input: z.strictObject({ order: z.string() }),
      output: nothingSchema,
      semantics: "idempotent",
      deadlineMs,
    }),
    parcel: call({
      summary: "Where the parcel of an order is.",
      input: z.strictObject({ order: idSchema }),
      output: z.object({ order: z.string(), state: z.enum(["sent", "recalled"]), tracking: z.string() }),
      errors: {
        noParcel: failure({ title: "The order has no parcel", status: 404, data: z.object({ order: z.string() }) }),
      },
      semantics: "safe",
      http: "GET /orders/{order}/parcel",
    }),
    audit: call({
      summary: "Counts parcels, and those of the carrier beside them.",
      input: nothingSchema,
      output: z.object({
        parcels: z.int(),
        recalled: z.int(),
        carrier: z.object({ parcels: z.int(), recalled: z.int(), repeated: z.int() }),
      }),
      semantics: "safe",
      deadlineMs: 600_000,
    }),
  },
});
