import { z } from "zod";
import { problemNames } from "./problem-types.ts";
import type {
  HealthDetails,
  HistoryEntry,
  ItemQuantity,
  NewOrder,
  NewReturn,
  OrderSummary,
  OrderView,
  Page,
  ProductPage,
  ProductSummary,
  ReturnView,
  SalesRow,
} from "./storefront.ts";

const quantityMax = 10_000;
const itemsMax = 100;
const wellFormed = "text without control characters and lone surrogates is expected";

/** A text for people. What it lets pass comes back as it was given. */
function plainText(lengthMax: number): z.ZodType<string> {
  return z
    .string()
    .min(1)
    .max(lengthMax)
    .regex(/^[^\p{Cc}\p{Cs}\p{Zl}\p{Zp}]*$/u, { error: wellFormed });
}

/** Letters, marks and digits of any script, and `. _ @ + ' -` and spaces inside. */
export const customerSchema: z.ZodType<string> = z
  .string()
  .max(64)
  .regex(/^[\p{L}\p{N}](?:[\p{L}\p{M}\p{N} ._@+'-]*[\p{L}\p{M}\p{N}])?$/u, {
    error: "letters and digits are expected, with . _ @ + ' - and spaces only between them",
  });

/** Codes are compared in upper case. */
export const productCodeSchema: z.ZodType<string> = z
  .string()
  .max(32)
  .regex(/^[A-Za-z0-9](?:[A-Za-z0-9 _.-]*[A-Za-z0-9])?$/, { error: "a product code is expected, such as 85123A" });

export const idSchema: z.ZodType<string> = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/);

/** Visible ASCII, as for a token or UUID. */
export const idempotencyKeySchema: z.ZodType<string | undefined> = z
  .string()
  .max(200)
  .regex(/^[\x21-\x7e]+$/, { error: "1 to 200 visible ASCII characters are expected" })
  .optional();

export const searchSchema: z.ZodType<string> = plainText(100);

const minor = z.int().describe("Whole minor units (pence).");
const instant = z.string().describe("ISO 8601, UTC.");
const item: z.ZodType<ItemQuantity> = z.strictObject({
  product: productCodeSchema,
  quantity: z.int().min(1).max(quantityMax),
});
const items = z.array(item).min(1).max(itemsMax);

export const newOrderSchema: z.ZodType<NewOrder> = z.strictObject({
  customer: customerSchema,
  country: plainText(60),
  items,
  payment: z.strictObject({ method: z.enum(["card", "paypal", "crypto"]) }),
});

/** The body of a return: the order is in the path. */
export const returnItemsSchema: z.ZodType<Pick<NewReturn, "items">> = z.strictObject({ items });

const historyEntry: z.ZodType<HistoryEntry> = z.object({ at: instant, event: z.string() });
const history = z.array(historyEntry);
const orderSummary = {
  id: z.string(),
  status: z.enum(["placed", "reserved", "charged", "shipped", "cancelling", "confirmed", "rejected"]),
  reason: z.string().optional().describe("Why it was rejected."),
  placedAt: z.string().describe("`YYYY-MM-DD HH:MM:SS`, time of the business."),
  totalMinor: minor,
};

const orderSummarySchema: z.ZodType<OrderSummary> = z.object(orderSummary);

export const orderSchema: z.ZodType<OrderView> = z.object({
  ...orderSummary,
  customer: z.string().optional(),
  country: z.string(),
  currency: z.string(),
  tracking: z.string().optional(),
  lines: z.array(z.object({ product: z.string(), quantity: z.int(), totalMinor: minor })),
  history,
});

export const returnSchema: z.ZodType<ReturnView> = z.object({
  id: z.string(),
  orders: z.array(z.string()),
  status: z.enum(["requested", "refunded", "closed"]),
  refundMinor: minor,
  currency: z.string(),
  lines: z.array(z.object({ product: z.string(), quantity: z.int() })),
  history,
});

const productSummary = { code: z.string(), name: z.string(), price: z.string().describe("Decimal text, exact.") };

const productSummarySchema: z.ZodType<ProductSummary> = z.object(productSummary);

export const productSchema: z.ZodType<ProductPage> = z.object({
  ...productSummary,
  available: z.int().describe("Units that can be promised to the next order."),
  boughtTogether: z.array(z.object({ code: z.string(), name: z.string(), orders: z.int() })),
});

export const salesSchema: z.ZodType<{
  readonly by: string;
  readonly currency: string;
  readonly rows: readonly SalesRow[];
}> = z.object({
  by: z.string(),
  currency: z.string(),
  rows: z.array(
    z.object({
      group: z.string(),
      name: z.string().optional(),
      orders: z.int(),
      units: z.int(),
      totalMinor: minor,
    }),
  ),
});

export interface HealthView {
  readonly live: boolean;
  readonly ready: boolean;
  readonly state: string;
  readonly details: HealthDetails;
}

export const healthSchema: z.ZodType<HealthView> = z.object({
  live: z.boolean(),
  ready: z.boolean(),
  state: z.enum(["starting", "ready", "stopping"]),
  details: z.object({
    ordersOpen: z.int(),
    returnsOpen: z.int(),
    notificationsWaiting: z.int(),
    notificationsDead: z.int(),
    salesLag: z.int(),
  }),
});

const next = z.string().optional().describe("Path of the next page; absent on the last one.");

export const productPageSchema: z.ZodType<Page<ProductSummary>> = z.object({
  items: z.array(productSummarySchema),
  next,
});

export const orderPageSchema: z.ZodType<Page<OrderSummary>> = z.object({ items: z.array(orderSummarySchema), next });

/** RFC 9457, with the errors of a validation and the id of the request. */
export const problemSchema: z.ZodType = z.object({
  type: z.enum(problemNames.map((name) => `/problems/${name}`)),
  title: z.string(),
  status: z.int(),
  detail: z.string(),
  instance: z.string().describe("Path of the request."),
  requestId: z.string(),
  errors: z
    .array(
      z.object({
        pointer: z.string().optional().describe("JSON pointer into the body, as a URI fragment."),
        parameter: z.string().optional(),
        header: z.string().optional(),
        detail: z.string(),
      }),
    )
    .optional(),
});

/** The schemas that have a name in the OpenAPI document. */
export const components: Readonly<Record<string, z.ZodType>> = {
  Item: item,
  NewOrder: newOrderSchema,
  NewReturn: returnItemsSchema,
  HistoryEntry: historyEntry,
  OrderSummary: orderSummarySchema,
  Order: orderSchema,
  OrderPage: orderPageSchema,
  Return: returnSchema,
  ProductSummary: productSummarySchema,
  Product: productSchema,
  ProductPage: productPageSchema,
  Sales: salesSchema,
  Health: healthSchema,
  Problem: problemSchema,
};
