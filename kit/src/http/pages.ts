import type { AnyContract, Failure } from "../contract/mod.ts";
import type { Page } from "./api.ts";
import { documentPage } from "./document-page.ts";
import { asyncApi, type DocumentInfo, openApi } from "./documents.ts";
import type { HttpReply } from "./exchange.ts";
import { problemKinds, type ProblemKindFacts } from "./problem-kinds.ts";
import { declaredKind } from "./problem.ts";

/** What tells how a process is: the health of the kit fits as it is. */
export interface HealthSource {
  live(): { readonly httpStatus: number };
  ready(): Promise<{ readonly httpStatus: number }>;
  report(): Promise<{ readonly httpStatus: number }>;
}

/** `/openapi.json`, `/asyncapi.json` and `/docs` of the contracts, made when first asked for; and what each problem means, where its type points. */
export function documentPages(contracts: readonly AnyContract[], info: DocumentInfo): Readonly<Record<string, Page>> {
  let http: HttpReply["body"] | undefined;
  let events: HttpReply["body"] | undefined;
  let html: HttpReply["body"] | undefined;
  return {
    ...problemPages(contracts),
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

/** What a problem means, under the path that is its type. A name that several refusals share is told once, as the first declares it. */
function problemPages(contracts: readonly AnyContract[]): Readonly<Record<string, Page>> {
  const declared = contracts.flatMap(({ calls, streams }) =>
    [...Object.values(calls), ...Object.values(streams)].flatMap(({ errors }) =>
      Object.entries(errors as Readonly<Record<string, Failure>>).map(([name, failure]) => told(name, failure)),
    ),
  );
  const kinds = new Map<string, ProblemKindFacts>([...declared.toReversed(), ...Object.entries(problemKinds)]);
  return Object.fromEntries(
    Array.from(kinds, ([kind, facts]) => {
      const type = `/problems/${kind}`;
      return [type, () => jsonPage(200, JSON.stringify({ type, ...facts }))];
    }),
  );
}

function told(name: string, { retry, status, title }: Failure): readonly [kind: string, facts: ProblemKindFacts] {
  const advice = retry === "can help" ? "The same request may succeed later." : "The same request will not succeed.";
  return [declaredKind(name), { status, title, advice }];
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
