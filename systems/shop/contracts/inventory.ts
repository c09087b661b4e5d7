import { call, contract, failure } from "ashlar/contract";
import { z } from "zod";
import { faultsSchema, goodsSchema, nothingSchema } from "./schemas.ts";

/** A turn at the stock in a replay: ticket n is decided after n - 1. Absent for live orders. */
const ticket = z.int().min(1).optional();
// Above the time that an order may wait for the ones before it while a service restarts; who waits in vain asks again.
const deadlineMs = 60_000;

/** Stock of each product, and what of it is promised to whom. */
export const inventory = contract("inventory", {
  owner: "warehouse",
  responsibilities: [
    "Promises stock to orders, never more than there is",
    "Counts what comes in, leaves and comes back",
  ],
  calls: {
    reserve: call({
      summary: "Promises all goods of an order, or none. Asked again, it answers as the first time.",
      input: z.strictObject({ order: z.string(), goods: goodsSchema, ticket }),
      output: z.object({ status: z.enum(["reserved", "out of stock"]) }),
      semantics: "idempotent",
      deadlineMs,
    }),
    release: call({
      summary: "Takes back what an order was promised. An order that comes later finds itself refused.",
      input: z.strictObject({ order: z.string() }),
      output: nothingSchema,
      semantics: "idempotent",
    }),
    dispatch: call({
      summary: "The goods of an order leave the house.",
      input: z.strictObject({ order: z.string() }),
      output: nothingSchema,
      errors: { notReserved: failure({ title: "The order holds no goods", data: z.object({ stage: z.string() }) }) },
      semantics: "idempotent",
    }),
    restock: call({
      summary: "Goods of a return come back.",
      input: z.strictObject({ return: z.string(), goods: goodsSchema }),
      output: nothingSchema,
      semantics: "idempotent",
    }),
    writeOff: call({
      summary: "Goods that a count has found missing.",
      input: z.strictObject({ invoice: z.string(), goods: goodsSchema, ticket }),
      output: nothingSchema,
      semantics: "idempotent",
      deadlineMs,
    }),
    topUp: call({
      summary: "Receives what is missing for so many units of each product to be on sale.",
      input: z.strictObject({ shelves: goodsSchema }),
      output: z.object({ received: z.int() }),
      semantics: "idempotent",
    }),
    closeDay: call({
      summary: "Puts on sale what came back. For when no order or return of the day is under way.",
      input: nothingSchema,
      output: z.object({ products: z.int() }),
      semantics: "idempotent",
      deadlineMs,
    }),
    available: call({
      summary: "Units that can be promised to the next order.",
      input: z.strictObject({ codes: z.array(z.string()).max(1_000) }),
      output: z.object({ units: z.array(z.object({ code: z.string(), available: z.int() })) }),
      semantics: "safe",
    }),
    audit: call({
      summary: "Counts all stock again, from the events and apart from the rules that decided on them.",
      input: nothingSchema,
      output: z.object({
        received: z.int(),
        onHand: z.int(),
        reserved: z.int(),
        shipped: z.int(),
        restocked: z.int(),
        writtenOff: z.int(),
        faults: faultsSchema,
      }),
      semantics: "safe",
      deadlineMs: 600_000,
    }),
  },
});
