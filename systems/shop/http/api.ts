import { Hono, type Context } from "hono";
import { z } from "zod";
import type { Clock } from "ashlar/clock";
import { errorRecord, KitError, type ErrorRecord } from "ashlar/errors";
import { openApiDocument } from "./openapi.ts";
import { orderRoutes } from "./order-routes.ts";
import { problemTypes } from "./problem-types.ts";
import { ProblemError, problemResponse } from "./problem.ts";
import { productRoutes } from "./product-routes.ts";
import { readJson, refuseBody } from "./read-body.ts";
import { notReady, overloaded } from "./refusals.ts";
import { shownPath, type RequestLog } from "./request-log.ts";
import { returnRoutes } from "./return-routes.ts";
import type { Route, Valid } from "./route.ts";
import { salesRoutes } from "./sales-routes.ts";
import { idempotencyKeySchema } from "./schemas.ts";
import { serviceRoutes } from "./service-routes.ts";
import type { Storefront } from "./storefront.ts";
import { validBody, validHeader, validPath, validQuery } from "./validate-input.ts";

/** The HTTP API as a function from requests to responses; needs no port. */
export interface Api {
  /** Never rejects: what goes wrong is a problem response. Each response of 400 and above is logged. */
  fetch(request: Request): Promise<Response>;
  readonly routes: readonly Route[];
}

export interface ApiOptions {
  readonly storefront: Storefront;
  readonly clock: Clock;
  /** Makes the id of a request that brings none. */
  readonly nextId: () => string;
  readonly log: RequestLog;
}

/** What is known of a request before anything of it is read. */
interface Visit {
  readonly requestId: string;
  readonly startedAtMs: number;
}

type Env = { readonly Bindings: Visit };

/** Routes, validates, answers and logs. Throws nothing. */
export function createApi(options: ApiOptions): Api {
  const { clock, nextId, storefront } = options;
  const app = new Hono<Env>();
  let document: unknown;
  const routes: readonly Route[] = [
    ...productRoutes(storefront),
    ...orderRoutes(storefront),
    ...returnRoutes(storefront),
    ...salesRoutes(storefront),
    ...serviceRoutes(storefront, () => (document ??= openApiDocument(routes))),
  ];
  for (const route of routes) app.on(route.method, honoPath(route), (c) => answer(route, storefront, c));
  for (const [path, methods] of methodsByPath(routes)) app.all(path, () => refuseMethod(methods));
  app.notFound(() => {
    throw new ProblemError("no-such-route", "There is nothing at this path.");
  });
  app.onError((error, c) => refuse(problemOf(error), c, options));
  return {
    routes,
    async fetch(request) {
      const visit = { requestId: requestIdOf(request) ?? nextId(), startedAtMs: clock.monotonic() };
      const response = await app.fetch(request, visit);
      response.headers.set("x-request-id", visit.requestId);
      response.headers.set("x-content-type-options", "nosniff");
      response.headers.set("cache-control", "no-store");
      return response;
    },
  };
}

const noQuery = z.strictObject({});

async function answer(route: Route, storefront: Storefront, c: Context<Env>): Promise<Response> {
  const state = storefront.state();
  if (state !== "ready" && route.whenNotReady === undefined) throw notReady(state);
  const request = c.req.raw;
  const path = route.path === undefined ? {} : validPath(route.path, c.req.param());
  const query = validQuery(route.query ?? noQuery, new URL(request.url).searchParams);
  const key = route.idempotencyKey === undefined ? undefined : idempotencyKeyOf(c);
  const valid: Valid<unknown, unknown, unknown> = {
    path,
    query,
    key,
    body: await bodyOf(route, request),
    requestId: c.env.requestId,
    // Most handlers do not wait, and making the signal is not free.
    get signal() {
      return request.signal;
    },
  };
  const reply = await route.handle(valid as Valid<never, never, never>);
  const headers = { "content-type": "application/json", ...reply.headers };
  return new Response(JSON.stringify(reply.body), { status: reply.status, headers });
}

async function bodyOf(route: Route, request: Request): Promise<unknown> {
  if (route.body !== undefined) return validBody(route.body, await readJson(request));
  if (route.method === "POST") await refuseBody(request);
  return undefined;
}

function idempotencyKeyOf(c: Context<Env>): string | undefined {
  return validHeader(idempotencyKeySchema, "Idempotency-Key", c.req.header("idempotency-key"));
}

const requestIdPattern = /^[\w.-]{1,64}$/;

function requestIdOf(request: Request): string | undefined {
  const given = request.headers.get("x-request-id");
  return given !== null && requestIdPattern.test(given) ? given : undefined;
}

function honoPath(route: Route): string {
  return route.template.replaceAll(/\{(\w+)\}/g, ":$1");
}

function methodsByPath(routes: readonly Route[]): ReadonlyMap<string, readonly string[]> {
  const byPath = Map.groupBy(routes, honoPath);
  // HEAD is answered like GET, without the body.
  const names = (route: Route): readonly string[] => (route.method === "GET" ? ["GET", "HEAD"] : [route.method]);
  return new Map([...byPath].map(([path, those]) => [path, those.flatMap(names).toSorted()]));
}

function refuseMethod(methods: readonly string[]): never {
  const allow = methods.join(", ");
  throw new ProblemError("method-not-allowed", `This path takes ${allow}.`, { headers: { allow } });
}

/** Faults that may pass are worth a repeat; all others are ours, and nothing of them leaves the house. */
function problemOf(error: Error): ProblemError {
  if (error instanceof ProblemError) return error;
  if (error instanceof KitError && error.retryable) return overloaded(error);
  return new ProblemError("internal-error", "The request could not be handled.", { cause: error });
}

function refuse(error: ProblemError, c: Context<Env>, { clock, log }: ApiOptions): Response {
  const { requestId, startedAtMs } = c.env;
  const path = shownPath(new URL(c.req.raw.url).pathname);
  const { status } = problemTypes[error.problem];
  const places = new Set(error.errors.map((fault) => Object.values(fault)[0]));
  log({
    time: new Date(clock.now()).toISOString(),
    level: status >= 500 ? "error" : "warn",
    requestId,
    method: c.req.method,
    path,
    status,
    reason: [error.problem, ...places].join(" "),
    durationMs: Math.round((clock.monotonic() - startedAtMs) * 10) / 10,
    ...(status >= 500 && error.cause !== undefined ? { fault: faultText(errorRecord(error.cause)) } : {}),
  });
  return problemResponse(error, { path, requestId });
}

function faultText(record: ErrorRecord): string {
  const own = `${record.name}: ${record.message}`;
  return record.cause === undefined ? own : `${own} < ${faultText(record.cause)}`;
}
