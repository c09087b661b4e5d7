import { createServer, type Server, type ServerOptions } from "node:http";
import type { Socket } from "node:net";
import { getRequestListener } from "@hono/node-server";
import type { Clock } from "ashlar/clock";
import { KitError } from "ashlar/errors";
import type { Api } from "./api.ts";
import type { RequestLog } from "./request-log.ts";

/** The API on a port. Disposing takes no new connections, lets running requests end for at most {@link drainMs}, then cuts them. */
export interface ApiServer extends AsyncDisposable {
  readonly port: number;
  /** Without a slash at the end. */
  readonly url: string;
}

export interface ServeOptions {
  readonly api: Api;
  /** 0 takes any free port. */
  readonly port: number;
  readonly clock: Clock;
  readonly log: RequestLog;
}

/** The port cannot be listened on. */
class PortError extends KitError {
  readonly code = "PORT";
  readonly retryable = false;
  readonly port: number;

  constructor(port: number, cause: unknown) {
    super(`port ${port} ${portFault(cause)}`, { cause });
    this.port = port;
  }
}

const host = "127.0.0.1";
const drainMs = 5_000;
const connectionsMax = 1_000;
/** A client gets this long for its headers, its whole request, and its next one. */
const limits: ServerOptions = {
  headersTimeout: 5_000,
  requestTimeout: 10_000,
  keepAliveTimeout: 5_000,
  connectionsCheckingInterval: 1_000,
  maxHeaderSize: 16_384,
};

/** Listens on 127.0.0.1. Rejects with `PortError` (code `PORT`), which names the port. */
export async function serveApi(options: ServeOptions): Promise<ApiServer> {
  const { api, clock, log } = options;
  const listener = getRequestListener((request) => api.fetch(request), { overrideGlobalObjects: false });
  const server = createServer(limits, (incoming, outgoing) => void listener(incoming, outgoing));
  server.maxConnections = connectionsMax;
  server.on("clientError", (error: NodeJS.ErrnoException, socket: Socket) => {
    const status = answerUnreadable(error, socket);
    if (status === undefined) return;
    const time = new Date(clock.now()).toISOString();
    const reason = `unreadable ${error.code ?? ""}`.trim();
    log({ time, level: "warn", requestId: "", method: "", path: "", status, reason, durationMs: 0 });
  });
  const port = await listen(server, options.port);
  return {
    port,
    url: `http://${host}:${port}`,
    [Symbol.asyncDispose]: () => close(server, clock),
  };
}

function listen(server: Server, port: number): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  server.once("error", (error) => reject(new PortError(port, error)));
  server.listen({ host, port }, () => {
    const address = server.address();
    resolve(typeof address === "object" && address !== null ? address.port : port);
  });
  return promise;
}

async function close(server: Server, clock: Clock): Promise<void> {
  if (!server.listening) return;
  const closed = Promise.withResolvers<void>();
  server.close(() => closed.resolve());
  server.closeIdleConnections();
  const cut = clock.setTimer(drainMs, () => server.closeAllConnections());
  await closed.promise;
  cut.cancel();
}

/** What is not HTTP never reaches the API; it is answered in the same manner. */
function answerUnreadable(error: NodeJS.ErrnoException, socket: Socket): number | undefined {
  if (!socket.writable || error.code === "ECONNRESET") {
    socket.destroy();
    return undefined;
  }
  const [status, title] = unreadable[error.code ?? ""] ?? [400, "Bad Request"];
  const body = JSON.stringify({ type: "about:blank", title, status });
  const head = `HTTP/1.1 ${status} ${title}\r\ncontent-type: application/problem+json\r\ncontent-length: ${body.length}`;
  socket.end(`${head}\r\nconnection: close\r\n\r\n${body}`);
  return status;
}

const unreadable: Readonly<Record<string, readonly [status: number, title: string]>> = {
  ERR_HTTP_REQUEST_TIMEOUT: [408, "Request Timeout"],
  HPE_HEADER_OVERFLOW: [431, "Request Header Fields Too Large"],
};

function portFault(cause: unknown): string {
  const code = cause instanceof Error && "code" in cause ? cause.code : undefined;
  if (code === "EADDRINUSE") return "is in use by another process";
  if (code === "EACCES") return "may not be used by this user";
  return "cannot be listened on";
}
