import type { AnyContract } from "../contract/mod.ts";
import type { Page } from "./api.ts";
import { documentPage } from "./document-page.ts";
import { asyncApi, type DocumentInfo, openApi } from "./documents.ts";
import type { HttpReply } from "./exchange.ts";

/** What tells how a process is: the health of the kit fits as it is. */
export interface HealthSource {
  live(): { readonly httpStatus: number };
  ready(): Promise<{ readonly httpStatus: number }>;
  report(): Promise<{ readonly httpStatus: number }>;
}

/** `/openapi.json`, `/asyncapi.json` and `/docs` of the contracts. Made when first asked for. */
export function documentPages(contracts: readonly AnyContract[], info: DocumentInfo): Readonly<Record<string, Page>> {
  let http: HttpReply["body"] | undefined;
  let events: HttpReply["body"] | undefined;
  let html: HttpReply["body"] | undefined;
  return {
    "/openapi.json": () => jsonPage(200, (http ??= JSON.stringify(openApi(contracts, info)))),
    "/asyncapi.json": () => jsonPage(200, (events ??= JSON.stringify(asyncApi(contracts, info)))),
    "/docs": () => ({
      status: 200,
      headers: {
        "content-type": "text/html; charset=utf-8",
        "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'",
        "cache-control": "no-cache",
      },
      body: (html ??= documentPage(contracts, info)),
    }),
  };
}

/** `/health/live`, `/health/ready` and `/health`. */
export function healthPages(health: HealthSource): Readonly<Record<string, Page>> {
  const page = (told: { readonly httpStatus: number }): HttpReply => jsonPage(told.httpStatus, JSON.stringify(told));
  return {
    "/health/live": () => page(health.live()),
    "/health/ready": async () => page(await health.ready()),
    "/health": async () => page(await health.report()),
  };
}

function jsonPage(status: number, body: string): HttpReply {
  return { status, headers: { "content-type": "application/json; charset=utf-8" }, body };
}
