import { createServer, type IncomingMessage, STATUS_CODES, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { type Clock, systemClock } from "../clock/mod.ts";
import { idSource, type Random, systemRandom } from "../random/mod.ts";
import { api, type Api, type ApiOptions } from "./api.ts";
import { sendEvents } from "./event-stream-system.ts";
import type { HttpReply } from "./exchange.ts";
import { NodeRequest } from "./node-request-system.ts";
import { type HttpLimits, type HttpPlace, type HttpRules, httpRules } from "./server-settings.ts";
import { webSockets } from "./web-socket-system.ts";

/** Options of {@link openHttpServer}. */
export interface OpenHttpServerOptions extends Omit<ApiOptions, "nextId" | "clock">, HttpPlace {
  readonly limits?: HttpLimits | undefined;
  readonly clock?: Clock | undefined;
  readonly random?: Random | undefined;
}

/** A server that listens. Closing it stops accepting, answers what is in hand within `graceMs`, then cuts off the rest. */
export interface HttpServer extends AsyncDisposable {
  /** `http://127.0.0.1:4000` */
  readonly url: string;
  readonly api: Api;
}

const closingHeaders = { connection: "close" };

/** Serves contracts over HTTP. Throws ConfigError; rejects when the port cannot be listened at. */
export async function openHttpServer(options: OpenHttpServerOptions): Promise<HttpServer> {
  const { clock = systemClock, random = systemRandom } = options;
  const rules = httpRules(options.limits ?? {}, options);
  const routes = api({ ...options, clock, nextId: idSource({ clock, random }) });
  let state: "open" | "closing" = "open";
  const server = createServer(
    {
      maxHeaderSize: rules.headBytesMax,
      requestTimeout: rules.requestMs,
      headersTimeout: rules.requestMs,
      keepAliveTimeout: rules.keepAliveMs,
      connectionsCheckingInterval: Math.min(1_000, rules.requestMs),
      noDelay: true,
    },
    (message, response) => {
      // Whatever happens to one request, the others go on.
      handle(message, response).catch(() => response.destroy());
    },
  );
  server.maxConnections = rules.connectionsMax;
  server.maxRequestsPerSocket = rules.requestsPerConnectionMax;
  const sockets = webSockets(routes, { rules, clock });
  server.on("upgrade", (message, socket, head) => sockets.upgrade(message, socket, head));

  async function handle(message: IncomingMessage, response: ServerResponse): Promise<void> {
    const request = new NodeRequest(message, rules.bodyBytesMax);
    const wantsEvents = message.headers.accept?.includes("text/event-stream") === true;
    if (wantsEvents && routes.isStream(request)) {
      const opened = await routes.stream(request);
      if (!("status" in opened)) return await sendEvents(response, opened, { rules, clock });
      return write(response, opened, "GET");
    }
    const reply = await routes.answer(request);
    if (state === "closing") Object.assign(reply.headers, closingHeaders);
    write(response, reply, request.method);
  }

  await listening(server, rules);
  const { address, port, family } = server.address() as AddressInfo;
  let closed: Promise<void> | undefined;
  const close = async (): Promise<void> => {
    state = "closing";
    sockets.close();
    const { promise, resolve } = Promise.withResolvers<void>();
    server.close(() => resolve());
    server.closeIdleConnections();
    const timer = clock.setTimer(rules.graceMs, () => server.closeAllConnections());
    await promise;
    timer.cancel();
  };
  return {
    url: `http://${family === "IPv6" ? `[${address}]` : address}:${port}`,
    api: routes,
    [Symbol.asyncDispose]: () => (closed ??= close()),
  };
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
