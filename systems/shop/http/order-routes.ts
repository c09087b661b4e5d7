import { z } from "zod";
import { wholeNumber } from "./whole-number.ts";
import { pageReply } from "./page-reply.ts";
import { ProblemError } from "./problem.ts";
import { keyReused, overloaded } from "./refusals.ts";
import { route, type Reply, type Route } from "./route.ts";
import { customerSchema, idSchema, newOrderSchema, orderPageSchema, orderSchema } from "./schemas.ts";
import type { OrderView, Storefront } from "./storefront.ts";

const limit = wholeNumber({ min: 1, max: 100, byDefault: 20 });
const byId = z.strictObject({ id: idSchema });
const location = { Location: "Path of the order." };

/** Orders: placed, watched, listed, cancelled. */
export function orderRoutes(storefront: Storefront): readonly Route[] {
  return [placeOrder(storefront), getOrder(storefront), listOrders(storefront), cancelOrder(storefront)];
}

function placeOrder(storefront: Storefront): Route {
  return route({
    method: "POST",
    template: "/orders",
    operation: "placeOrder",
    tag: "orders",
    summary: "Places an order.",
    description:
      "The order is durable when this answers; reserving, charging and shipping go on behind it. A repeat with the same `Idempotency-Key` answers with the same order.",
    body: newOrderSchema,
    idempotencyKey: "taken",
    answers: {
      202: {
        description: "The order was placed, now or by an earlier request with the same key.",
        schema: orderSchema,
        headers: location,
      },
    },
    async handle({ body, key }) {
      const placing = await storefront.placeOrder(body, key);
      switch (placing.kind) {
        case "placed":
        case "repeated":
          return accepted(placing.order);
        case "unknown products":
          throw new ProblemError("invalid-body", "Not every product exists.", {
            errors: placing.unknownItems.map((at) => ({
              pointer: `#/items/${at}/product`,
              detail: "no product has this code",
            })),
          });
        case "key reused":
          throw keyReused();
        case "overloaded":
          throw overloaded();
        default:
          throw new Error(`unknown answer ${placing satisfies never}`);
      }
    },
  });
}

function getOrder(storefront: Storefront): Route {
  return route({
    method: "GET",
    template: "/orders/{id}",
    operation: "getOrder",
    tag: "orders",
    summary:
      "Status, lines and history of an order; with `waitSeconds`, answered when it has ended, at the latest after this time.",
    path: byId,
    query: z.strictObject({ waitSeconds: wholeNumber({ min: 0, max: 30, byDefault: 0 }) }),
    answers: { 200: { description: "The order.", schema: orderSchema } },
    async handle({ path, query, signal }) {
      const order = await storefront.order(path.id, { waitMs: query.waitSeconds * 1_000, signal });
      if (order === undefined) throw noSuchOrder();
      return { status: 200, body: order };
    },
  });
}

function listOrders(storefront: Storefront): Route {
  return route({
    method: "GET",
    template: "/orders",
    operation: "listOrders",
    tag: "orders",
    summary: "Orders of a customer, the oldest first, a page at a time.",
    query: z.strictObject({ customer: customerSchema, limit, after: idSchema.optional() }),
    answers: { 200: { description: "One page.", schema: orderPageSchema } },
    handle: async ({ query }) => pageReply("/orders", query, await storefront.ordersOf(query.customer, query)),
  });
}

function cancelOrder(storefront: Storefront): Route {
  return route({
    method: "POST",
    template: "/orders/{id}/cancel",
    operation: "cancelOrder",
    tag: "orders",
    summary: "Cancels an order whose parcel has not left: what was charged is refunded, what was reserved is released.",
    path: byId,
    answers: { 202: { description: "The order is being cancelled.", schema: orderSchema, headers: location } },
    problems: ["order-not-cancellable"],
    async handle({ path }) {
      const answer = await storefront.cancelOrder(path.id);
      if (answer === "too late")
        throw new ProblemError("order-not-cancellable", "The parcel has left, or the order has ended.");
      const order = answer === "unknown" ? undefined : await storefront.order(path.id);
      if (order === undefined) throw noSuchOrder();
      return accepted(order);
    },
  });
}

function accepted(order: OrderView): Reply {
  return { status: 202, body: order, headers: { location: `/orders/${order.id}` } };
}

function noSuchOrder(): ProblemError {
  return new ProblemError("no-such-resource", "No order has this id.");
}
