import type { IncomingMessage, ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import process from "node:process";
import { type Clock, systemClock } from "../clock/mod.ts";
import { idSource, type Random, systemRandom } from "../random/mod.ts";
import { api, type Api, type ApiOptions } from "./api.ts";
import { eventHeaders, sendEvents } from "./event-stream-system.ts";
import type { HttpReply } from "./exchange.ts";
import type { ProblemKind } from "./problem-kinds.ts";
import { problemOfKind, problemReply } from "./problem.ts";
import { telemetryChannel } from "../telemetry/mod.ts";
import { NodeRequest } from "./node-request-system.ts";
import { type HttpLimits, type HttpPlace, type HttpRules, httpRules } from "./server-settings.ts";
import { webSocketsWhenAsked } from "./web-sockets-when-asked-system.ts";

/** Options of {@link openHttpServer}. */
export interface OpenHttpServerOptions extends Omit<ApiOptions, "nextId" | "clock">, HttpPlace {
  readonly limits?: HttpLimits | undefined;
  /** Wraps the API in what stands before every answer: a limiter's guard, a log. */
  readonly around?: ((api: Api) => Api) | undefined;
  readonly clock?: Clock | undefined;
  readonly random?: Random | undefined;
}

/** A server that listens. Closing it stops accepting, answers what is in hand within `graceMs`, then cuts off the rest. */
export interface HttpServer extends AsyncDisposable {
  /** `http://127.0.0.1:4000` */
  readonly url: string;
  readonly api: Api;
}

// Imported, it would load Node's own fetch with it: 30 ms of every start.
const { createServer, STATUS_CODES } = process.getBuiltinModule("node:http");
const answered = telemetryChannel("ashlar.http.request");
const closingHeaders = { connection: "close" };

/** Serves contracts over HTTP. Throws ConfigError; rejects when the port cannot be listened at. */
export async function openHttpServer(options: OpenHttpServerOptions): Promise<HttpServer> {
  const { clock = systemClock, random = systemRandom } = options;
  const rules = httpRules(options.limits ?? {}, options);
  const { around = (inner): Api => inner } = options;
  const routes = around(api({ ...options, clock, nextId: idSource({ clock, random }) }));
  const exchanges = exchangesOf(routes, { rules, clock });
  const server = createServer(
    {
      maxHeaderSize: rules.headBytesMax,
      requestTimeout: rules.requestMs,
      headersTimeout: rules.requestMs,
      keepAliveTimeout: rules.keepAliveMs,
      connectionsCheckingInterval: Math.min(1_000, rules.requestMs),
      noDelay: true,
      // Whoever offers another protocol, as many clients do with h2c, is answered in this one.
      shouldUpgradeCallback: ({ headers }) => headers.upgrade?.toLowerCase() === "websocket",
    },
    (message, response) => {
      void exchanges.handle(message, response);
    },
  );
  server.maxConnections = rules.connectionsMax;
  server.maxRequestsPerSocket = rules.requestsPerConnectionMax;
  const sockets = webSocketsWhenAsked(routes, { rules, clock });
  server.on("upgrade", (message, socket, head) => sockets.upgrade(message, socket, head));

  server.on("clientError", (error, socket) => answerUnreadable(error, socket as Socket));
  await listening(server, rules);
  const { address, port, family } = server.address() as AddressInfo;
  let closed: Promise<void> | undefined;
  const close = async (): Promise<void> => {
    sockets.close();
    const { promise, resolve } = Promise.withResolvers<void>();
    server.close(() => resolve());
    server.closeIdleConnections();
    exchanges.close();
    const timer = clock.setTimer(rules.graceMs, () => {
      server.closeAllConnections();
      sockets.cutOff();
    });
    await promise;
    timer.cancel();
  };
  return {
    url: `http://${family === "IPv6" ? `[${address}]` : address}:${port}`,
    api: routes,
    [Symbol.asyncDispose]: () => (closed ??= close()),
  };
}

/** The requests of a server, each answered as it comes. */
interface Exchanges {
  handle(message: IncomingMessage, response: ServerResponse): Promise<void>;
  /** From now on each answer is the last of its connection, and streams end. */
  close(): void;
}

function exchangesOf(routes: Api, around: { readonly rules: HttpRules; readonly clock: Clock }): Exchanges {
  let state: "open" | "closing" = "open";
  const streams = new Set<ServerResponse>();

  async function handle(message: IncomingMessage, response: ServerResponse): Promise<void> {
    const request = new NodeRequest(message, around.rules.bodyBytesMax);
    const wantsEvents = request.headers["accept"]?.includes("text/event-stream") === true;
    try {
      if (wantsEvents && routes.isStream(request)) await stream(response, request);
      else reply(response, await routes.answer(request), request.method);
    } catch {
      // Whatever happens to one request, the others go on.
      response.destroy();
    } finally {
      request.answered();
    }
  }

  async function stream(response: ServerResponse, request: NodeRequest): Promise<void> {
    if (request.method === "HEAD") return void response.writeHead(200, eventHeaders).end();
    const opened = await routes.stream(request);
    if ("status" in opened) return reply(response, opened, "GET");
    streams.add(response);
    try {
      await sendEvents(response, opened, around);
    } finally {
      streams.delete(response);
    }
  }

  function reply(response: ServerResponse, answer: HttpReply, method: string): void {
    if (state === "closing") Object.assign(answer.headers, closingHeaders);
    write(response, answer, method);
  }

  return {
    handle,
    close() {
      state = "closing";
      // They have no end to be waited for; without its event `end` a reader knows that there is more to come.
      for (const response of streams) response.end();
    },
  };
}

const unreadableKinds: Readonly<Record<string, ProblemKind>> = {
  ERR_HTTP_REQUEST_TIMEOUT: "too-slow",
  HPE_HEADER_OVERFLOW: "head-too-large",
};

/** What is not HTTP never reaches the API; it is answered, and told, in the same manner. */
function answerUnreadable(error: NodeJS.ErrnoException, socket: Socket): void {
  if (!socket.writable || error.code === "ECONNRESET") {
    socket.destroy();
    return;
  }
  const { status, body } = problemReply(problemOfKind(unreadableKinds[error.code ?? ""] ?? "bad-http"));
  const head = `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\ncontent-type: application/problem+json; charset=utf-8`;
  socket.end(`${head}\r\ncontent-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`);
  if (answered.active) answered.publish({ method: "", route: "none", status, requestId: "", durationMs: 0 });
}

/** Head and body in one write: two would be two packets. */
function write(response: ServerResponse, { status, headers, body }: HttpReply, method: string): void {
  if (response.destroyed) return;
  headers["content-length"] = String(Buffer.byteLength(body));
  headers["x-content-type-options"] ??= "nosniff";
  headers["cache-control"] ??= "no-store";
  if (status === 204 || status === 304) delete headers["content-length"];
  response.writeHead(status, STATUS_CODES[status], headers);
  response.end(method === "HEAD" ? undefined : body);
}

async function listening(server: ReturnType<typeof createServer>, { host, port }: HttpRules): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen({ host, port }, () => {
      server.off("error", reject);
      resolve();
    });
  });
}
