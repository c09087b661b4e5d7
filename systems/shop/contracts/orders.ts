import { call, contract, event, failure, stream } from "ashlar/contract";
import { z } from "zod";
import {
  customerSchema,
  faultsSchema,
  bookSumSchema,
  idSchema,
  itemsSchema,
  limitSchema,
  lineSchema,
  minorSchema,
  nothingSchema,
  orderLinesSchema,
  paymentMethodSchema,
} from "./schemas.ts";
import { importedInvoiceSchema, importStateSchema, quarantinedSchema } from "./imports.ts";

const instant = z.string().describe("ISO 8601, UTC.");
const history = z.array(z.object({ at: instant, event: z.string() }));
const rejectionSchema = z.enum(["out-of-stock", "payment-declined", "payment-failed", "shipping-failed", "cancelled"]);

const orderSummary = {
  id: z.string(),
  status: z.enum(["placed", "reserved", "charged", "shipped", "cancelling", "confirmed", "rejected"]),
  reason: rejectionSchema.optional().describe("Why it was rejected."),
  placedAt: z.string().describe("`YYYY-MM-DD HH:MM:SS`, time of the business."),
  totalMinor: minorSchema,
};

/** An order as its customer sees it. */
export const orderViewSchema = z.object({
  ...orderSummary,
  customer: z.string().optional(),
  country: z.string(),
  currency: z.string(),
  tracking: z.string().optional(),
  lines: z.array(z.object({ product: z.string(), quantity: z.int(), totalMinor: minorSchema })),
  history,
});

/** A return as its customer sees it. */
export const returnViewSchema = z.object({
  id: z.string(),
  orders: z.array(z.string()).describe("Those that the items were bought with."),
  status: z.enum(["requested", "refunded", "closed"]),
  refundMinor: minorSchema,
  currency: z.string(),
  lines: z.array(z.object({ product: z.string(), quantity: z.int() })),
  history,
});

const takenSchema = z.array(z.object({ code: z.string(), quantity: z.int().min(1), amountMinor: minorSchema }));
const noSuchOrder = failure({ title: "No order has this id", status: 404, data: z.object({ id: z.string() }) });
const noSuchReturn = failure({ title: "No return has this id", status: 404, data: z.object({ id: z.string() }) });
const overloaded = failure({ title: "Too much is in flight", status: 503, retry: "can help", data: nothingSchema });
/** The longest that a request waits for the end of an order, in seconds. */
const waitSecondsMax = 30;
const byId = z.strictObject({ id: idSchema });
const importing = { file: z.string(), importer: z.string() };
const conflict = failure({
  title: "Another process imports into the same data, or the file was begun with other settings",
  data: z.object({ reason: z.string() }),
});

/** Orders and returns from their placing to their end. */
export const orders = contract("orders", {
  owner: "checkout",
  responsibilities: [
    "Takes orders and sees each of them to one end",
    "Takes returns and sees that the money and the goods go back",
  ],
  calls: {
    place: call({
      summary: "Places an order. It is durable when this answers; reserving, charging and shipping go on behind it.",
      input: z.strictObject({
        customer: customerSchema,
        country: lineSchema(60),
        items: itemsSchema,
        payment: z.strictObject({ method: paymentMethodSchema }),
      }),
      output: orderViewSchema,
      errors: {
        unknownProducts: failure({
          title: "Not every product can be sold: there is none, or that many do not cost whole pence",
          status: 422,
          data: z.object({ items: z.array(z.int()).describe("Places in `items`.") }),
        }),
        overloaded,
      },
      semantics: "keyed",
      http: { route: "POST /orders", status: 202, location: "/orders/{id}" },
      targets: { p95Ms: 100, availability: 0.999 },
    }),
    get: call({
      summary: "An order with its history; with `waitSeconds`, when it has ended, at the latest after this time.",
      input: z.strictObject({ id: idSchema, waitSeconds: z.int().min(0).max(waitSecondsMax).default(0) }),
      output: orderViewSchema,
      errors: { noSuchOrder },
      semantics: "safe",
      deadlineMs: (waitSecondsMax + 10) * 1_000,
      http: "GET /orders/{id}",
    }),
    list: call({
      summary: "Orders of a customer, the oldest first, a page at a time.",
      input: z.strictObject({ customer: customerSchema, limit: limitSchema, after: idSchema.optional() }),
      output: z.object({
        items: z.array(z.object(orderSummary)),
        next: z.string().optional().describe("For `after`; absent on the last page."),
      }),
      semantics: "safe",
      http: "GET /orders",
    }),
    cancel: call({
      summary:
        "Cancels an order whose parcel has not left: what was charged is refunded, what was reserved is released.",
      input: byId,
      output: orderViewSchema,
      errors: {
        noSuchOrder,
        tooLate: failure({ title: "It is too late to cancel this order", data: z.object({ id: z.string() }) }),
      },
      semantics: "idempotent",
      http: { route: "POST /orders/{id}/cancel", status: 202, location: "/orders/{id}" },
    }),
    requestReturn: call({
      summary: "Returns items of a confirmed order, at the price paid. Refunding and restocking go on behind it.",
      input: z.strictObject({ order: idSchema, items: itemsSchema }),
      output: returnViewSchema,
      errors: {
        noSuchOrder,
        notReturnable: failure({
          title: "The order does not hold these items, or not any more, or not yet",
          data: nothingSchema,
        }),
        overloaded,
      },
      semantics: "keyed",
      http: { route: "POST /orders/{order}/returns", status: 202, location: "/returns/{id}" },
    }),
    getReturn: call({
      summary: "Status, lines and history of a return.",
      input: byId,
      output: returnViewSchema,
      errors: { noSuchReturn },
      semantics: "safe",
      http: "GET /returns/{id}",
    }),
    status: call({
      summary: "What is under way, and how long steps of orders take.",
      input: nothingSchema,
      output: z.object({
        ordersOpen: z.int(),
        returnsOpen: z.int(),
        /** Write-offs and adjustments of files that are not done yet. */
        correctionsOpen: z.int(),
        /** Position of the last event. */
        events: z.int(),
        stepLatencyMs: z.object({ p50: z.number(), p95: z.number(), p99: z.number() }),
      }),
      semantics: "safe",
    }),
    beginImport: call({
      summary: "Finds out where the import of an order file stands, and takes it over from whoever had it.",
      input: z.strictObject({ ...importing, name: z.string() }),
      output: importStateSchema,
      errors: { conflict },
      semantics: "idempotent",
      deadlineMs: 600_000,
    }),
    importInvoices: call({
      summary:
        "Imports invoices, each once. Waits while too much is under way, and at the close of each day for its orders.",
      input: z.strictObject({
        ...importing,
        after: z.int().describe("Invoices of the file that come before these."),
        invoices: z.array(importedInvoiceSchema),
      }),
      output: z.object({
        state: importStateSchema,
        repeated: z.int().optional().describe("Place of the first one that was imported before; none behind it was."),
      }),
      errors: { conflict },
      semantics: "idempotent",
      deadlineMs: 600_000,
    }),
    finishImport: call({
      summary: "Waits until everything that was imported has ended; with `reached`, records that the file is done.",
      input: z.strictObject({ ...importing, end: z.enum(["ahead", "reached"]) }),
      output: importStateSchema,
      errors: { conflict },
      semantics: "idempotent",
      deadlineMs: 600_000,
    }),
    quarantine: call({
      summary: "Lines of files that were not understood, by file and line.",
      input: z.strictObject({ after: z.string().optional(), limit: limitSchema }),
      output: z.object({ lines: z.array(quarantinedSchema), next: z.string().optional() }),
      semantics: "safe",
    }),
    audit: call({
      summary: "Counts all orders and returns again, from their events.",
      input: nothingSchema,
      output: z.object({
        lines: z.object({ read: z.int(), accepted: z.int(), quarantined: z.int(), kept: z.int() }),
        placed: z.int(),
        confirmed: z.int(),
        rejected: z.record(z.string(), z.int()),
        open: z.int(),
        returns: z.object({ matched: z.int(), unmatched: z.int(), open: z.int(), closed: z.int() }),
        orderedMinor: minorSchema,
        endedMinor: minorSchema,
        soldUnits: z.int(),
        restockedUnits: z.int(),
        /** Sent, and those of them whose order was rejected afterwards. */
        parcels: z.int(),
        unsoldParcels: z.int(),
        soldMinor: minorSchema,
        /** What the orders gave back to returns. */
        returnedUnits: z.int(),
        returnedMinor: minorSchema,
        /** What the files said of stock and money besides orders and returns. */
        imported: z.object({ writtenOff: z.int(), adjustedMinor: minorSchema }),
        /** What the orders believe was charged and refunded, by order and by refund. */
        charges: bookSumSchema,
        refunds: bookSumSchema,
        faults: faultsSchema,
      }),
      semantics: "safe",
      deadlineMs: 600_000,
    }),
  },
  streams: {
    track: stream({
      summary: "The order now, and again at every change until it has ended.",
      input: byId,
      output: orderViewSchema,
      errors: { noSuchOrder },
      http: "GET /orders/{id}/track",
    }),
  },
  events: {
    ended: event({
      summary: "An order has been sold or rejected, once.",
      key: "order",
      data: z.discriminatedUnion("status", [
        z.object({ status: z.literal("confirmed"), order: z.string(), to: z.string().describe("Whom to tell.") }),
        z.object({ status: z.literal("rejected"), order: z.string(), to: z.string(), reason: rejectionSchema }),
      ]),
    }),
    sold: event({
      summary: "An order has been sold, with all that there is to count about it.",
      key: "order",
      data: z.object({
        order: z.string(),
        lines: orderLinesSchema,
        country: z.string(),
        placedAt: z.string(),
        totalMinor: minorSchema,
      }),
    }),
    returned: event({
      summary: "Items come back. The money and the goods are on their way.",
      key: "return",
      data: z.object({ return: z.string(), taken: takenSchema }),
    }),
    refunded: event({
      summary: "A return is through: refunded and restocked.",
      key: "return",
      data: z.object({ return: z.string(), to: z.string(), amountMinor: minorSchema }),
    }),
  },
});

/** An order as its customer sees it. */
export type OrderView = z.infer<typeof orderViewSchema>;
/** A return as its customer sees it. */
export type ReturnView = z.infer<typeof returnViewSchema>;
