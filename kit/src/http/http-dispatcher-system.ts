import type { Dispatcher as Undici, Pool } from "undici";
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
  isCallError,
  OutcomeUnknownError,
  replyError,
  type Request,
  type Semantics,
  type StreamPort,
  UnavailableError,
} from "../contract/mod.ts";
import { type Clock, systemClock } from "../clock/mod.ts";
import { linkSignals, signalAfter } from "../abort/mod.ts";
import { ConfigError, integerIn, textOf, TimeoutError, UnsupportedError } from "../errors/mod.ts";
import { type StandardSchema, ValidationError, validateSync } from "../schema/mod.ts";
import { idSource, type Random, systemRandom } from "../random/mod.ts";

/** Options of {@link httpDispatcher}. */
export interface HttpDispatcherOptions {
  /** `https://shop.example` */
  readonly url: string;
  /** Sent with each request: authorization. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Connections of calls at once, 1 to 1,000, and as many of streams. Default 64. */
  readonly connections?: number | undefined;
  /** Longest answer of a call, in bytes. Default 64 MiB. */
  readonly answerBytesMax?: number | undefined;
  readonly clock?: Clock | undefined;
  readonly random?: Random | undefined;
}

/** Carries calls to a server over HTTP. Closing it lets answers in hand arrive, and ends streams. */
export interface HttpDispatcher extends Dispatcher, AsyncDisposable {}

interface Way {
  readonly id: string;
  readonly input: StandardSchema;
  readonly route: HttpRoute;
  readonly semantics: Semantics;
  readonly deadlineMs: number;
  readonly errors: Readonly<Record<string, Failure>>;
}

/** The way to contracts behind a server made of the same contracts. Operations without a route, queues and feeds are
 *  refused with {@link UnsupportedError} when they are called. */
export function httpDispatcher(options: HttpDispatcherOptions): HttpDispatcher {
  const carrier = new Carrier(options);
  return {
    call(contract: AnyContract, name: string): CallPort {
      const call = contract.calls[name];
      const id = `${contractId(contract)}.${name}`;
      if (call?.http === undefined) return () => Promise.reject(unsupported(id));
      const { http: route, semantics, deadlineMs, input } = call;
      const errors = call.errors as Readonly<Record<string, Failure>>;
      return (request) => carrier.send({ id, input, route, semantics, deadlineMs, errors }, request);
    },
    stream(contract: AnyContract, name: string): StreamPort {
      const stream = contract.streams[name];
      const id = `${contractId(contract)}.${name}`;
      if (stream?.http === undefined) return () => refusing(unsupported(id));
      const { http: route, deadlineMs, input } = stream;
      const errors = stream.errors as Readonly<Record<string, Failure>>;
      return (request) => carrier.events({ id, input, route, semantics: "safe", deadlineMs, errors }, request);
    },
    queue(contract, name) {
      return () => Promise.reject(unsupported(`${contractId(contract)}.${name}`));
    },
    feed(contract) {
      return () => Promise.reject(unsupported(`${contractId(contract)}: events`));
    },
    [Symbol.asyncDispose]: () => carrier.close(),
  };
}

interface PoolSettings {
  readonly url: string;
  readonly connections: number;
  readonly answerBytesMax: number;
}

/** Streams have connections of their own: they hold them for as long as they are read, and have no length. */
interface Pools {
  readonly calls: Pool;
  readonly streams: Pool;
}

async function openPools({ url, connections, answerBytesMax }: PoolSettings): Promise<Pools> {
  const undici = await import("undici");
  const common = { connections, bodyTimeout: 0, headersTimeout: 0 };
  return {
    calls: new undici.Pool(url, { ...common, maxResponseSize: answerBytesMax }),
    streams: new undici.Pool(url, common),
  };
}

class Carrier {
  readonly #settings: PoolSettings;
  #opening: Promise<Pools> | undefined;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #clock: Clock;
  readonly #nextId: () => string;

  constructor(options: HttpDispatcherOptions) {
    const { clock = systemClock, random = systemRandom, headers = {}, answerBytesMax = 67_108_864 } = options;
    const connections = integerIn("connections", options.connections ?? 64, { min: 1, max: 1_000 });
    const url = textOf("url", options.url, { lengthMax: 2_048 });
    const isHttp = URL.canParse(url) && /^https?:$/.test(new URL(url).protocol);
    if (!isHttp) throw new ConfigError("url", url, "an address such as https://shop.example");
    this.#settings = { url, connections, answerBytesMax };
    this.#headers = headers;
    this.#clock = clock;
    this.#nextId = idSource({ clock, random });
  }

  async close(): Promise<void> {
    const pools = await this.#opening;
    await Promise.all([pools?.calls.close(), pools?.streams.destroy()]);
  }

  /** With the first call: a server that calls nobody starts 50 ms sooner. */
  #pools(): Promise<Pools> {
    this.#opening ??= openPools(this.#settings);
    return this.#opening;
  }

  async send(way: Way, request: Request): Promise<unknown> {
    const withinMs = Math.min(request.withinMs ?? Infinity, way.deadlineMs);
    if (withinMs <= 0) throw new TimeoutError(way.id, 0);
    request.signal?.throwIfAborted();
    checkKey(way, request);
    using limit = signalAfter(this.#clock, withinMs, () => new TimeoutError(way.id, withinMs));
    using signals = linkSignals([request.signal, request.parent?.signal, limit.signal]);
    const { signal } = signals;
    const { path, body } = placed(way, request.input);
    const headers = this.#headersOf(way, request, { withinMs, body });
    try {
      const { calls } = await this.#pools();
      const response = await calls.request({
        method: way.route.method,
        path,
        body: body ?? null,
        signal,
        headers,
      });
      return outcome(way, answerOf(response), await response.body.text());
    } catch (error) {
      signal.throwIfAborted();
      throw named(way, error);
    }
  }

  async *events(way: Way, request: Request): AsyncGenerator {
    const withinMs = Math.min(request.withinMs ?? Infinity, way.deadlineMs);
    const tooLate = (): TimeoutError => new TimeoutError(`the first item of ${way.id}`, withinMs);
    if (withinMs <= 0) throw tooLate();
    using first = signalAfter(this.#clock, withinMs, tooLate);
    using signals = linkSignals([request.signal, request.parent?.signal, first.signal]);
    const { signal } = signals;
    signal.throwIfAborted();
    const { path } = placed(way, request.input);
    try {
      const headers = { ...this.#headersOf(way, request, { withinMs, body: undefined }), accept: "text/event-stream" };
      const { streams } = await this.#pools();
      const response = await streams.request({ method: "GET", path, signal, headers });
      if (response.statusCode !== 200) return void outcome(way, answerOf(response), await response.body.text());
      for await (const { event, data } of eventsOf(response.body.setEncoding("utf8") as AsyncIterable<string>)) {
        first[Symbol.dispose]();
        if (event === "end") return;
        if (event === "problem") throw problemError(way, toldOf(data), undefined);
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

// oxlint-disable-next-line require-yield -- a stream that has no items
async function* refusing(error: Error): AsyncGenerator<never> {
  throw error;
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

const keyPattern = /^[\x21-\x7e]{1,255}$/;

function checkKey({ id }: Way, { key }: Request): void {
  if (key === undefined || keyPattern.test(key)) return;
  const message = "expected 1 to 255 visible ASCII characters, because it goes as a header";
  throw new ValidationError(`the key of ${id}`, [{ path: "", message }]);
}

/** What a problem says, as far as it is what ours would say. */
interface Told {
  readonly type: string | undefined;
  readonly failure: string | undefined;
  readonly data: unknown;
  readonly title: string | undefined;
  readonly reference: string | undefined;
  readonly errors: readonly { readonly pointer: string; readonly detail: string }[];
}

/** Never throws: it may be from something in between, or from no server of ours. */
function toldOf(text: string): Told {
  const { type, failure, data, title, reference, errors } = fieldsOf(jsonOf(text));
  const issues = (Array.isArray(errors) ? errors : []).map((issue: unknown) => {
    const { pointer, detail } = fieldsOf(issue);
    return { pointer: textOrNone(pointer) ?? "", detail: textOrNone(detail) ?? "" };
  });
  return {
    type: textOrNone(type),
    failure: textOrNone(failure),
    data,
    title: textOrNone(title),
    reference: textOrNone(reference),
    errors: issues,
  };
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function fieldsOf(value: unknown): Readonly<Partial<Record<string, unknown>>> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}

function textOrNone(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

/** Status and head of an answer, as far as they say something. */
interface Answer {
  readonly status: number;
  readonly retryAfterMs: number | undefined;
}

function answerOf({ statusCode, headers }: Pick<Undici.ResponseData, "statusCode" | "headers">): Answer {
  const seconds = Number(headers["retry-after"]);
  return { status: statusCode, retryAfterMs: seconds > 0 ? seconds * 1_000 : undefined };
}

function outcome(way: Way, { status, retryAfterMs }: Answer, text: string): unknown {
  if (status >= 200 && status < 300) {
    const output = text === "" ? undefined : jsonOf(text);
    if (text === "" || output !== undefined) return output;
    throw new FaultError(way.id, "an answer that is not JSON", { retryable: false });
  }
  const told = toldOf(text);
  throw problemError(way, { ...told, type: told.type ?? `status ${status}` }, retryAfterMs);
}

/** The error that a problem stands for. */
function problemError(way: Way, told: Told, retryAfterMs: number | undefined): Error {
  const { failure, type = "" } = told;
  if (failure !== undefined && Object.hasOwn(way.errors, failure)) {
    const declared = way.errors[failure];
    const { title = "", retry } = declared ?? {};
    return new DeclaredError(way.id, { failure, title, data: told.data, retryable: retry === "can help" });
  }
  const reply = replies.get(type.replace("/problems/", ""))?.(told, retryAfterMs ?? 1_000);
  if (reply !== undefined) return replyError(way.id, reply);
  return new FaultError(way.id, told.reference ?? type, { retryable: way.semantics !== "unsafe" });
}

const replies: ReadonlyMap<string, (told: Told, retryAfterMs: number) => ErrorReply> = new Map(
  Object.entries<(told: Told, retryAfterMs: number) => ErrorReply>({
    "invalid-input": ({ errors }) => ({
      code: "VALIDATION",
      what: "the input",
      issues: errors.map(({ pointer, detail }) => ({ path: fieldPath(pointer), message: detail })),
    }),
    "unknown-caller": () => ({ code: "ACCESS", reason: "unknown caller" }),
    forbidden: () => ({ code: "ACCESS", reason: "missing role" }),
    "key-reused": () => ({ code: "KEY_REUSED" }),
    "too-often": (_, retryAfterMs) => ({ code: "RATE_LIMIT", retryAfterMs }),
    unavailable: ({ title = "" }, retryAfterMs) => ({ code: "UNAVAILABLE", reason: title, retryAfterMs }),
    timeout: () => ({ code: "TIMEOUT", afterMs: 0 }),
    "outcome-unknown": () => ({ code: "OUTCOME_UNKNOWN", retryable: false }),
  }),
);

function fieldPath(pointer: string): string {
  return pointer.replace(/^(?:#\/?|path: |query: )/, "").replaceAll("/", ".");
}

const unsent: ReadonlySet<string> = new Set([
  "ECONNREFUSED",
  "ENOTFOUND",
  "EAI_AGAIN",
  "UND_ERR_CONNECT_TIMEOUT",
  "EHOSTUNREACH",
  "UND_ERR_CLOSED",
]);

function named({ id, semantics }: Way, error: unknown): unknown {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  if (unsent.has(code)) return new UnavailableError(id, code);
  if (isCallError(error)) return error;
  return new OutcomeUnknownError(id, semantics === "unsafe" ? "not allowed" : "allowed", error);
}
