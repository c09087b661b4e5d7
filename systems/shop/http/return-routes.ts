import { z } from "zod";
import { ProblemError } from "./problem.ts";
import { keyReused, overloaded } from "./refusals.ts";
import { route, type Route } from "./route.ts";
import { idSchema, returnItemsSchema, returnSchema } from "./schemas.ts";
import type { Storefront } from "./storefront.ts";

const byId = z.strictObject({ id: idSchema });

/** Returns: requested and watched. */
export function returnRoutes(storefront: Storefront): readonly Route[] {
  return [requestReturn(storefront), getReturn(storefront)];
}

function requestReturn(storefront: Storefront): Route {
  return route({
    method: "POST",
    template: "/orders/{id}/returns",
    operation: "returnItems",
    tag: "returns",
    summary: "Returns items of a confirmed order, at the price paid.",
    description:
      "The return is durable when this answers; refunding and restocking go on behind it. A repeat with the same `Idempotency-Key` answers with the same return.",
    path: byId,
    body: returnItemsSchema,
    idempotencyKey: "taken",
    answers: {
      202: {
        description: "The return was requested, now or by an earlier request with the same key.",
        schema: returnSchema,
        headers: { Location: "Path of the return." },
      },
    },
    problems: ["order-not-returnable"],
    async handle({ path, body, key }) {
      const returning = await storefront.returnItems({ order: path.id, items: body.items }, key);
      switch (returning.kind) {
        case "requested":
        case "repeated":
          return { status: 202, body: returning.return, headers: { location: `/returns/${returning.return.id}` } };
        case "unknown order":
          throw new ProblemError("no-such-resource", "No order has this id.");
        case "not returnable":
          throw new ProblemError(
            "order-not-returnable",
            "The order does not hold these items, or not any more, or not yet.",
          );
        case "key reused":
          throw keyReused();
        case "overloaded":
          throw overloaded();
        default:
          throw new Error(`unknown answer ${returning satisfies never}`);
      }
    },
  });
}

function getReturn(storefront: Storefront): Route {
  return route({
    method: "GET",
    template: "/returns/{id}",
    operation: "getReturn",
    tag: "returns",
    summary: "Status, lines and history of a return.",
    path: byId,
    answers: { 200: { description: "The return.", schema: returnSchema } },
    async handle({ path }) {
      const found = await storefront.return(path.id);
      if (found === undefined) throw new ProblemError("no-such-resource", "No return has this id.");
      return { status: 200, body: found };
    },
  });
}
