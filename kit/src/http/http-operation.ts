import { fingerprint } from "../codec/mod.ts";
import { type AnyCall, type Caller, type CallPort, fieldsOf, type HttpRoute } from "../contract/mod.ts";
import { headerOf, type HttpReply, type HttpRequest } from "./exchange.ts";
import { type InputReader, inputReader } from "./input-reader.ts";
import { errorReplyOf, ProblemError } from "./problem.ts";

/** What came with a request besides its input. */
export interface Visit {
  readonly caller: Caller | undefined;
  readonly trace: string | undefined;
}

/** One call of a contract, reachable over HTTP. */
export class HttpOperation {
  readonly route: HttpRoute;
  readonly call: AnyCall;
  readonly #port: CallPort;
  readonly #reader: InputReader;

  constructor(call: AnyCall, route: HttpRoute, port: CallPort) {
    this.call = call;
    this.route = route;
    this.#port = port;
    this.#reader = inputReader(route, call.input);
  }

  /** Never rejects: what goes wrong is an answer. */
  async answer(
    request: HttpRequest,
    params: Readonly<Record<string, string | undefined>>,
    visit: Visit,
  ): Promise<HttpReply> {
    try {
      const key = keyOf(request);
      const withinMs = deadlineOf(request);
      const read = this.#reader.read(request, params);
      const input = read instanceof Promise ? await read : read;
      // The request is the parent: its signal is made only when somebody asks for it.
      const { caller, trace } = visit;
      const output = await this.#port({ input, key, withinMs, parent: request, caller, trace });
      return this.#reply(output, request);
    } catch (error) {
      return errorReplyOf(error, { errors: this.call.errors, place: (path) => this.#reader.place(path) });
    }
  }

  #reply(output: unknown, request: HttpRequest): HttpReply {
    const { status, location, etag } = this.route;
    const body = output === undefined || status === 204 ? "" : JSON.stringify(output);
    const headers: Record<string, string> = {};
    if (body !== "") headers["content-type"] = "application/json; charset=utf-8";
    if (location !== undefined) headers["location"] = filled(location, output);
    const isSafe = this.call.semantics === "safe";
    if (etag !== undefined || isSafe) {
      const asked = headerOf(request, "if-none-match");
      // A tag of the whole body is only worth its cost to who asks with one.
      if (etag !== undefined || asked !== undefined) {
        const tag = etag === undefined ? `"${fingerprint(body)}"` : tagOf(fieldOf(output, etag));
        if (tag === undefined) return { status, headers, body };
        headers["etag"] = tag;
        // Kept, and asked for again each time; a cache that keeps nothing would never come back with the tag.
        if (isSafe) headers["cache-control"] = "no-cache";
        if (isSafe && asked !== undefined && matches(asked, tag)) return { status: 304, headers, body: "" };
      }
    }
    return { status, headers, body };
  }
}

const keyPattern = /^[\x21-\x7e]{1,255}$/;

function keyOf(request: HttpRequest): string | undefined {
  const given = headerOf(request, "idempotency-key");
  if (given === undefined) return undefined;
  // The draft has it as a quoted string; most clients send it bare.
  const key = given.replace(/^"(.*)"$/, "$1");
  if (keyPattern.test(key)) return key;
  throw new ProblemError("invalid-key");
}

/** The value as an entity tag; undefined for what no header can carry. */
function tagOf(value: unknown): string | undefined {
  const text = typeof value === "number" ? String(value) : value;
  return typeof text === "string" && /^[\x21\x23-\x7e]{1,255}$/.test(text) ? `"${text}"` : undefined;
}

/** `Request-Timeout`, in seconds: how long the caller waits. */
export function deadlineOf(request: HttpRequest): number | undefined {
  const given = headerOf(request, "request-timeout");
  if (given === undefined) return undefined;
  if (/^\d{1,6}(?:\.\d{1,3})?$/.test(given) && Number(given) > 0) return Number(given) * 1_000;
  throw new ProblemError("invalid-deadline");
}

function filled(template: string, output: unknown): string {
  return fieldsOf(template).reduce(
    (path, name) => path.replace(`{${name}}`, encodeURIComponent(String(fieldOf(output, name)))),
    template,
  );
}

function fieldOf(output: unknown, name: string): unknown {
  return typeof output === "object" && output !== null ? Reflect.get(output, name) : undefined;
}

function matches(asked: string, tag: string): boolean {
  return asked.split(",").some((one) => {
    const candidate = one.trim().replace(/^W\//, "");
    return candidate === "*" || candidate === tag;
  });
}
