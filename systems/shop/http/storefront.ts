import type { PaymentMethodName } from "../payments/mod.ts";

/** What the API needs of a shop. All answers are plain data, ready to become JSON; amounts are whole minor units. */
export interface Storefront {
  /** Whether orders can be taken now. Cheap: asked before every request. */
  state(): "starting" | "ready" | "stopping";
  health(): Promise<HealthDetails>;
  products(query: PageQuery & { readonly search?: string | undefined }): Promise<Page<ProductSummary>>;
  product(code: string): Promise<ProductPage | undefined>;
  /** Durable when it resolves. The same key and order again is the same order, however often it is asked. */
  placeOrder(order: NewOrder, key: string | undefined): Promise<Placing>;
  /** The order as of now, or, with `waitMs`, as of its end if that comes sooner. */
  order(id: string, wait?: { readonly waitMs: number; readonly signal: AbortSignal }): Promise<OrderView | undefined>;
  ordersOf(customer: string, page: PageQuery): Promise<Page<OrderSummary>>;
  cancelOrder(id: string): Promise<"called off" | "too late" | "unknown">;
  /** Durable when it resolves. Like `placeOrder` for repeats. */
  returnItems(request: NewReturn, key: string | undefined): Promise<Returning>;
  return(id: string): Promise<ReturnView | undefined>;
  sales(by: SalesGrouping, limit: number): Promise<readonly SalesRow[]>;
}

export interface PageQuery {
  readonly limit: number;
  /** The last one of the page before. */
  readonly after?: string | undefined;
}

export interface Page<T> {
  readonly items: readonly T[];
  /** For `after`; absent on the last page. */
  readonly next?: string | undefined;
}

export interface HealthDetails {
  readonly ordersOpen: number;
  readonly returnsOpen: number;
  readonly notificationsWaiting: number;
  readonly notificationsDead: number;
  /** Events that the sales figures have not counted yet. */
  readonly salesLag: number;
}

export interface ProductSummary {
  readonly code: string;
  readonly name: string;
  /** Decimal text, exact. */
  readonly price: string;
}

export interface ProductPage extends ProductSummary {
  /** Units that can be promised to the next order. */
  readonly available: number;
  readonly boughtTogether: readonly { readonly code: string; readonly name: string; readonly orders: number }[];
}

export interface ItemQuantity {
  readonly product: string;
  readonly quantity: number;
}

export interface NewOrder {
  readonly customer: string;
  readonly country: string;
  readonly items: readonly ItemQuantity[];
  readonly payment: { readonly method: PaymentMethodName };
}

/** `unknownItems` are places in `items`. */
export type Placing =
  | { readonly kind: "placed" | "repeated"; readonly order: OrderView }
  | { readonly kind: "unknown products"; readonly unknownItems: readonly number[] }
  | { readonly kind: "key reused" }
  | { readonly kind: "overloaded" };

export type OrderStatus = "placed" | "reserved" | "charged" | "shipped" | "cancelling" | "confirmed" | "rejected";

export interface OrderSummary {
  readonly id: string;
  readonly status: OrderStatus;
  /** Why it was rejected. */
  readonly reason?: string | undefined;
  /** `YYYY-MM-DD HH:MM:SS`, time of the business. */
  readonly placedAt: string;
  readonly totalMinor: number;
}

export interface OrderView extends OrderSummary {
  readonly customer?: string | undefined;
  readonly country: string;
  readonly currency: string;
  readonly tracking?: string | undefined;
  readonly lines: readonly OrderLineView[];
  readonly history: readonly HistoryEntry[];
}

export interface OrderLineView extends ItemQuantity {
  readonly totalMinor: number;
}

export interface HistoryEntry {
  /** ISO 8601, UTC. */
  readonly at: string;
  readonly event: string;
}

export interface NewReturn {
  readonly order: string;
  readonly items: readonly ItemQuantity[];
}

export type Returning =
  | { readonly kind: "requested" | "repeated"; readonly return: ReturnView }
  | { readonly kind: "unknown order" }
  | { readonly kind: "not returnable" }
  | { readonly kind: "key reused" }
  | { readonly kind: "overloaded" };

export interface ReturnView {
  readonly id: string;
  /** Those that the items were bought with. */
  readonly orders: readonly string[];
  readonly status: "requested" | "refunded" | "closed";
  readonly refundMinor: number;
  readonly currency: string;
  readonly lines: readonly ItemQuantity[];
  readonly history: readonly HistoryEntry[];
}

export type SalesGrouping = "day" | "country" | "product";

export interface SalesRow {
  /** Day (`YYYY-MM-DD`), country or product code. */
  readonly group: string;
  /** Product name. */
  readonly name?: string | undefined;
  readonly orders: number;
  readonly units: number;
  readonly totalMinor: number;
}
