import type { Clock } from "../clock/mod.ts";
import {
  type AnyContract,
  type Caller,
  contractId,
  type Dispatcher,
  type Stream,
  type StreamPort,
} from "../contract/mod.ts";
import { telemetryChannel } from "../telemetry/mod.ts";
import { headerOf, type HttpReply, type HttpRequest } from "./exchange.ts";
import { deadlineOf, HttpOperation, type Visit } from "./http-operation.ts";
import { inputReader, type InputReader } from "./input-reader.ts";
import { errorReplyOf, problemOfKind, problemReply } from "./problem.ts";
import { router, type Router } from "./router-system.ts";

/** A page or document beside the contracts: health, OpenAPI. Answers GET. */
export type Page = () => HttpReply | Promise<HttpReply>;

/** What an API is made of. */
export interface ApiOptions {
  readonly contracts: readonly AnyContract[];
  readonly dispatcher: Dispatcher;
  readonly pages?: Readonly<Record<string, Page>> | undefined;
  /** Who calls; undefined for nobody that is known. What it throws is a fault of the server. */
  readonly authenticate?: ((request: HttpRequest) => Caller | undefined | Promise<Caller | undefined>) | undefined;
  /** Makes ids of requests that bring none. */
  readonly nextId: () => string;
  readonly clock: Clock;
}

/** A stream that was asked for, ready to be sent item by item. */
export interface OpenedStream {
  readonly items: AsyncIterable<unknown>;
  /** Of its answer. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** The answer for what the stream ended with. */
  problem(error: unknown): HttpReply;
}

/** An HTTP API as a function from requests to answers; needs no port. */
export interface Api {
  answer(request: HttpRequest): Promise<HttpReply>;
  /** A stream at this place, or the answer that says why not. */
  stream(request: HttpRequest): Promise<OpenedStream | HttpReply>;
  /** Whether a stream is at this place. */
  isStream(request: Pick<HttpRequest, "method" | "url">): boolean;
}

type Target =
  | { readonly kind: "call"; readonly operation: HttpOperation; readonly id: string }
  | {
      readonly kind: "stream";
      readonly stream: Stream;
      readonly port: StreamPort;
      readonly reader: InputReader;
      readonly id: string;
    }
  | { readonly kind: "page"; readonly page: Page; readonly id: string };

const answered = telemetryChannel("ashlar.http.request");
const idPattern = /^[\x21-\x7e]{1,128}$/;
// Neither an id of zeros nor version ff is one; what follows the flags is only for later versions than 00.
const tracePattern = /^(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(?:$|(?<!^00.*)-)/;

/** The API of contracts. Throws ConfigError when two routes answer the same. */
export function api(options: ApiOptions): Api {
  const routes = routesOf(options);
  const { authenticate, nextId, clock } = options;
  const find = (request: Pick<HttpRequest, "method" | "url">): ReturnType<Router<Target>["find"]> =>
    routes.find(request.method === "HEAD" ? "GET" : request.method, pathOf(request.url));
  const visitOf = async (request: HttpRequest): Promise<Visit> => {
    const caller = authenticate === undefined ? undefined : await authenticate(request);
    return { caller, trace: traceOf(request) };
  };
  const idOf = (request: HttpRequest): string => {
    const given = headerOf(request, "x-request-id");
    return given !== undefined && idPattern.test(given) ? given : nextId();
  };
  // No async function: each costs a request a tenth of a microsecond, and most have nothing to wait for.
  const reply = (request: HttpRequest): HttpReply | Promise<HttpReply> => {
    const found = find(request);
    if (found === undefined) return missing(routes, request);
    const { target, params } = found;
    if (!acceptsJson(request, target)) return notAcceptable();
    if (target.kind === "page") return target.page();
    if (target.kind === "stream") return notAcceptable();
    const { operation } = target;
    if (authenticate !== undefined) return visitOf(request).then((visit) => operation.answer(request, params, visit));
    return operation.answer(request, params, { caller: undefined, trace: traceOf(request) });
  };
  return {
    async answer(request) {
      const startedAtMs = answered.active ? clock.monotonic() : 0;
      const requestId = idOf(request);
      let answer: HttpReply;
      try {
        answer = await reply(request);
      } catch (error) {
        answer = errorReplyOf(error, { errors: {}, place: (path) => path });
      }
      answer.headers["x-request-id"] = requestId;
      if (answered.active) {
        const { method } = request;
        const route = find(request)?.target.id ?? "none";
        answered.publish({
          method,
          route,
          status: answer.status,
          requestId,
          durationMs: clock.monotonic() - startedAtMs,
        });
      }
      return answer;
    },
    isStream: (request) => find(request)?.target.kind === "stream",
    async stream(request) {
      const found = find(request);
      if (found?.target.kind !== "stream") return missing(routes, request);
      const { stream, port, reader } = found.target;
      const headers = { "x-request-id": idOf(request) };
      const problem = (error: unknown): HttpReply => {
        const answer = errorReplyOf(error, { errors: stream.errors, place: (path) => reader.place(path) });
        Object.assign(answer.headers, headers);
        return answer;
      };
      try {
        const withinMs = deadlineOf(request);
        const input = await reader.read(request, found.params);
        const items = port({ input, withinMs, signal: request.signal, ...(await visitOf(request)) });
        return { items, headers, problem };
      } catch (error) {
        return problem(error);
      }
    },
  };
}

function routesOf({ contracts, dispatcher, pages = {} }: ApiOptions): Router<Target> {
  const routes = router<Target>();
  for (const [path, page] of Object.entries(pages)) routes.add("GET", path, { kind: "page", page, id: path });
  for (const contract of contracts) {
    for (const [name, call] of Object.entries(contract.calls)) {
      if (call.http === undefined) continue;
      const operation = new HttpOperation(call, call.http, dispatcher.call(contract, name));
      routes.add(call.http.method, call.http.path, { kind: "call", operation, id: `${contractId(contract)}.${name}` });
    }
    for (const [name, stream] of Object.entries(contract.streams)) {
      if (stream.http === undefined) continue;
      const reader = inputReader(stream.http, stream.input);
      const port = dispatcher.stream(contract, name);
      const id = `${contractId(contract)}.${name}`;
      routes.add(stream.http.method, stream.http.path, { kind: "stream", stream, port, reader, id });
    }
  }
  return routes;
}

function missing(routes: Router<Target>, { method, url }: HttpRequest): HttpReply {
  const allowed = routes.methodsAt(pathOf(url));
  if (allowed.length === 0) return problemReply(problemOfKind("not-found"));
  const allow = [...allowed, ...(allowed.includes("GET") ? ["HEAD"] : []), "OPTIONS"].join(", ");
  if (method === "OPTIONS") return { status: 204, headers: { allow }, body: "" };
  return problemReply(problemOfKind("method"), { allow });
}

/** Calls answer JSON, streams events; pages what they are. */
function acceptsJson(request: HttpRequest, target: Target): boolean {
  const accept = headerOf(request, "accept");
  if (accept === undefined || target.kind === "page") return true;
  return accept.split(",").some((one) => /^\s*(?:\*\/\*|application\/(?:\*|json|problem\+json))\s*(?:;|$)/i.test(one));
}

function notAcceptable(): HttpReply {
  return problemReply(problemOfKind("not-acceptable"));
}

function traceOf(request: HttpRequest): string | undefined {
  const trace = headerOf(request, "traceparent");
  return trace !== undefined && tracePattern.test(trace) ? trace.slice(0, 55) : undefined;
}

function pathOf(url: string): string {
  const mark = url.indexOf("?");
  return mark < 0 ? url : url.slice(0, mark);
}
