import { z } from "zod";
import { isProblemName, problemNames, problemTypes } from "./problem-types.ts";
import { ProblemError } from "./problem.ts";
import { route, type Route } from "./route.ts";
import { healthSchema } from "./schemas.ts";
import type { Storefront } from "./storefront.ts";

/** The API about itself: health, problems, its own description. `describe` is called when the document is asked for. */
export function serviceRoutes(storefront: Storefront, describe: () => unknown): readonly Route[] {
  return [getHealth(storefront), getProblem(), getDocument(describe)];
}

function getHealth(storefront: Storefront): Route {
  return route({
    method: "GET",
    template: "/health",
    operation: "getHealth",
    tag: "service",
    summary: "Whether the shop lives, takes orders, and what it has in flight.",
    answers: {
      200: { description: "Orders are taken.", schema: healthSchema },
      503: { description: "Orders are not taken: the shop is starting or stopping.", schema: healthSchema },
    },
    whenNotReady: "answered",
    async handle() {
      const state = storefront.state();
      const ready = state === "ready";
      const body = { live: true, ready, state, details: await storefront.health() };
      return ready ? { status: 200, body } : { status: 503, body, headers: { "retry-after": "1" } };
    },
  });
}

function getProblem(): Route {
  return route({
    method: "GET",
    template: "/problems/{name}",
    operation: "getProblem",
    tag: "service",
    summary: "What a problem means: its `type` is a path to here.",
    path: z.strictObject({ name: z.enum(problemNames) }),
    answers: {
      200: {
        description: "The problem.",
        schema: z.object({ type: z.string(), status: z.int(), title: z.string(), advice: z.string() }),
      },
    },
    whenNotReady: "answered",
    handle({ path }) {
      if (!isProblemName(path.name)) throw new ProblemError("no-such-resource", "No problem has this name.");
      return { status: 200, body: { type: `/problems/${path.name}`, ...problemTypes[path.name] } };
    },
  });
}

function getDocument(describe: () => unknown): Route {
  return route({
    method: "GET",
    template: "/openapi.json",
    operation: "getOpenApi",
    tag: "service",
    summary: "This description, in OpenAPI 3.1.",
    answers: { 200: { description: "The document.", schema: z.looseObject({ openapi: z.string() }) } },
    whenNotReady: "answered",
    handle: () => ({ status: 200, body: describe() }),
  });
}
