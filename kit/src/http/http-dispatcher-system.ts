import { Pool } from "undici";
import {
  type AnyContract,
  type CallPort,
  contractId,
  DeclaredError,
  type Dispatcher,
  type ErrorReply,
  type Failure,
  FaultError,
  type HttpRoute,
  OutcomeUnknownError,
  replyError,
  type Request,
  type Semantics,
  type StreamPort,
  UnavailableError,
} from "../contract/mod.ts";
import { type Clock, systemClock } from "../clock/mod.ts";
import { linkSignals, signalAfter } from "../abort/mod.ts";
import { integerIn, textOf, TimeoutError, UnsupportedError } from "../errors/mod.ts";
import { type StandardSchema, ValidationError, validateSync } from "../schema/mod.ts";
import { idSource, type Random, systemRandom } from "../random/mod.ts";

/** Options of {@link httpDispatcher}. */
export interface HttpDispatcherOptions {
  /** `https://shop.example` */
  readonly url: string;
  /** Sent with each request: authorization. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Connections at once, 1 to 1,000. Default 64. */
  readonly connections?: number | undefined;
  /** Longest answer, in bytes. Default 64 MiB. */
  readonly answerBytesMax?: number | undefined;
  readonly clock?: Clock | undefined;
  readonly random?: Random | undefined;
}

/** Carries calls to a server over HTTP. Closing it lets answers in hand arrive. */
export interface HttpDispatcher extends Dispatcher, AsyncDisposable {}

interface Way {
  readonly id: string;
  readonly input: StandardSchema;
  readonly route: HttpRoute;
  readonly semantics: Semantics;
  readonly deadlineMs: number;
  readonly errors: Readonly<Record<string, Failure>>;
}

/** The way to contracts behind a server made of the same contracts. Operations without a route are refused with {@link UnsupportedError}. */
export function httpDispatcher(options: HttpDispatcherOptions): HttpDispatcher {
  const carrier = new Carrier(options);
  return {
    call(contract: AnyContract, name: string): CallPort {
      const call = contract.calls[name];
      const id = `${contractId(contract)}.${name}`;
      if (call?.http === undefined) throw unsupported(id);
      const { http: route, semantics, deadlineMs, input } = call;
      const errors = call.errors as Readonly<Record<string, Failure>>;
      return (request) => carrier.send({ id, input, route, semantics, deadlineMs, errors }, request);
    },
    stream(contract: AnyContract, name: string): StreamPort {
      const stream = contract.streams[name];
      const id = `${contractId(contract)}.${name}`;
      if (stream?.http === undefined) throw unsupported(id);
      const { http: route, deadlineMs, input } = stream;
      const errors = stream.errors as Readonly<Record<string, Failure>>;
      return (request) => carrier.events({ id, input, route, semantics: "safe", deadlineMs, errors }, request);
    },
    queue(contract, name) {
      throw unsupported(`${contractId(contract)}.${name}`);
    },
    feed(contract) {
      throw unsupported(`${contractId(contract)}: events`);
    },
    [Symbol.asyncDispose]: () => carrier.close(),
  };
}

class Carrier {
  readonly #pool: Pool;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #clock: Clock;
  readonly #nextId: () => string;

  constructor(options: HttpDispatcherOptions) {
    const { clock = systemClock, random = systemRandom, headers = {}, answerBytesMax = 67_108_864 } = options;
    const connections = integerIn("connections", options.connections ?? 64, { min: 1, max: 1_000 });
    const url = textOf("url", options.url, { lengthMax: 2_048 });
    this.#pool = new Pool(url, { connections, bodyTimeout: 0, headersTimeout: 0, maxResponseSize: answerBytesMax });
    this.#headers = headers;
    this.#clock = clock;
    this.#nextId = idSource({ clock, random });
  }

  close(): Promise<void> {
    return this.#pool.close();
  }

  async send(way: Way, request: Request): Promise<unknown> {
    const withinMs = Math.min(request.withinMs ?? Infinity, way.deadlineMs);
    request.signal?.throwIfAborted();
    using limit = signalAfter(this.#clock, withinMs, () => new TimeoutError(way.id, withinMs));
    using signals = linkSignals([request.signal, request.parent?.signal, limit.signal]);
    const { signal } = signals;
    const { path, body } = placed(way, request.input);
    const headers = this.#headersOf(way, request, { withinMs, body });
    try {
      const response = await this.#pool.request({
        method: way.route.method,
        path,
        body: body ?? null,
        signal,
        headers,
      });
      return outcome(way, response.statusCode, await response.body.text());
    } catch (error) {
      signal.throwIfAborted();
      throw named(way, error);
    }
  }

  async *events(way: Way, request: Request): AsyncGenerator {
    using signals = linkSignals([request.signal, request.parent?.signal]);
    const { signal } = signals;
    const { path } = placed(way, request.input);
    try {
      const headers = { accept: "text/event-stream", ...this.#headers };
      const response = await this.#pool.request({ method: "GET", path, signal, headers });
      if (response.statusCode !== 200) return void outcome(way, response.statusCode, await response.body.text());
      for await (const { event, data } of eventsOf(response.body.setEncoding("utf8") as AsyncIterable<string>)) {
        if (event === "end") return;
        if (event === "problem") throw problemError(way, JSON.parse(data) as Told);
        yield JSON.parse(data) as unknown;
      }
    } catch (error) {
      signal.throwIfAborted();
      throw named(way, error);
    }
    throw new OutcomeUnknownError(way.id, "allowed");
  }

  #headersOf(
    { semantics }: Way,
    { key, trace }: Request,
    { withinMs, body }: { readonly withinMs: number; readonly body: string | undefined },
  ): Record<string, string> {
    const given = semantics === "keyed" ? (key ?? this.#nextId()) : key;
    return {
      accept: "application/json",
      ...this.#headers,
      ...(body === undefined ? {} : { "content-type": "application/json" }),
      ...(given === undefined ? {} : { "idempotency-key": given }),
      ...(trace === undefined ? {} : { traceparent: trace }),
      "request-timeout": (Math.max(1, withinMs) / 1_000).toFixed(3),
    };
  }
}

/** Events of a stream as our server sends them; comments are left out. */
async function* eventsOf(
  parts: AsyncIterable<string>,
): AsyncGenerator<{ readonly event: string; readonly data: string }> {
  let rest = "";
  for await (const part of parts) {
    const messages = (rest + part).split("\n\n");
    rest = messages.pop() ?? "";
    for (const message of messages) {
      const [, event, data = "{}"] = /^event: (\w+)\ndata: (.*)$/.exec(message) ?? [];
      if (event !== undefined) yield { event, data };
    }
  }
}

function unsupported(what: string): UnsupportedError {
  return new UnsupportedError(what, "HTTP", "declare an http route, or call it from inside the system");
}

/** Fields of the path, then the query or the body. */
function placed(way: Way, input: unknown = {}): { readonly path: string; readonly body: string | undefined } {
  const { route, id } = way;
  // Here, because a path is text: what has another type on this side would arrive as one.
  const validation = validateSync(way.input, input);
  if (!validation.ok) throw new ValidationError(`the input of ${id}`, validation.issues);
  const fields = { ...(input as Readonly<Record<string, unknown>>) };
  let { path } = route;
  for (const name of route.fields) {
    path = path.replace(`{${name}}`, encodeURIComponent(pathText(name, fields[name])));
    delete fields[name];
  }
  if (route.method !== "GET" && route.method !== "DELETE") return { path, body: JSON.stringify(fields) };
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(fields)) {
    for (const one of Array.isArray(value) ? (value as unknown[]) : [value])
      if (one !== undefined) query.append(name, typeof one === "string" ? one : JSON.stringify(one));
  }
  return { path: query.size === 0 ? path : `${path}?${query.toString()}`, body: undefined };
}

/** A path has room for plain values only. */
function pathText(name: string, value: unknown): string {
  if (typeof value === "string" && value !== "") return value;
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  throw new ValidationError("the input", [{ path: name, message: "expected a text or a number, for the path" }]);
}

interface Told {
  readonly type?: string;
  readonly failure?: string;
  readonly data?: unknown;
  readonly title?: string;
  readonly reference?: string;
  readonly errors?: readonly { readonly pointer: string; readonly detail: string }[];
}

function outcome(way: Way, status: number, text: string): unknown {
  if (status >= 200 && status < 300) return text === "" ? undefined : (JSON.parse(text) as unknown);
  let told: Told = {};
  try {
    told = JSON.parse(text) as Told;
  } catch {
    // Not from a server of ours, or from something in between.
  }
  throw problemError(way, { ...told, type: told.type ?? `status ${status}` });
}

/** The error that a problem stands for. */
function problemError(way: Way, told: Told): Error {
  const { failure, type = "" } = told;
  if (failure !== undefined && Object.hasOwn(way.errors, failure)) {
    const declared = way.errors[failure];
    const { title = "", retry } = declared ?? {};
    return new DeclaredError(way.id, { failure, title, data: told.data, retryable: retry === "can help" });
  }
  const reply = replies[type.replace("/problems/", "")]?.(told);
  if (reply !== undefined) return replyError(way.id, reply);
  return new FaultError(way.id, told.reference ?? type, { retryable: way.semantics !== "unsafe" });
}

const replies: Readonly<Record<string, (told: Told) => ErrorReply>> = {
  "invalid-input": ({ errors = [] }) => ({
    code: "VALIDATION",
    what: "the input",
    issues: errors.map(({ pointer, detail }) => ({ path: fieldPath(pointer), message: detail })),
  }),
  "unknown-caller": () => ({ code: "ACCESS", reason: "unknown caller" }),
  forbidden: () => ({ code: "ACCESS", reason: "missing role" }),
  "key-reused": () => ({ code: "KEY_REUSED" }),
  "too-often": () => ({ code: "RATE_LIMIT", retryAfterMs: 1_000 }),
  unavailable: ({ title = "" }) => ({ code: "UNAVAILABLE", reason: title, retryAfterMs: 1_000 }),
  timeout: () => ({ code: "TIMEOUT", afterMs: 0 }),
  "outcome-unknown": () => ({ code: "OUTCOME_UNKNOWN", retryable: false }),
};

function fieldPath(pointer: string): string {
  return pointer.replace(/^(?:#\/?|path: |query: )/, "").replaceAll("/", ".");
}

const unsent: ReadonlySet<string> = new Set([
  "ECONNREFUSED",
  "ENOTFOUND",
  "EAI_AGAIN",
  "UND_ERR_CONNECT_TIMEOUT",
  "EHOSTUNREACH",
]);

function named({ id, semantics }: Way, error: unknown): unknown {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  if (unsent.has(code)) return new UnavailableError(id, code);
  const isOurs = !code.startsWith("UND_") && !code.startsWith("E");
  if (isOurs) return error;
  return new OutcomeUnknownError(id, semantics === "unsafe" ? "not allowed" : "allowed", error);
}
