import * as real from "node:http";
import type { Duplex } from "node:stream";
import { host, only, outsideOfProcesses } from "./current-system.ts";
import { connectTo, listening } from "./net-system.ts";

type Listener = real.RequestListener;

/** A server of Node itself, whose connections come through the world. */
function createServer(...given: readonly unknown[]): real.Server {
  const options = given.find((item) => typeof item === "object") as real.ServerOptions | undefined;
  const listener = given.find((item) => typeof item === "function") as Listener | undefined;
  const bare = real.createServer(options ?? {});
  // Node's own listener begins a real timer that looks for slow clients.
  bare.removeAllListeners("listening");
  const server = listening(bare);
  closeIdle(server);
  // Node writes the date of the machine, and keeps it fresh by a timer of the machine.
  server.prependListener("request", (_request, response) => {
    response.sendDate = false;
    response.setHeader("Date", new Date(host().clock.now()).toUTCString());
  });
  if (listener !== undefined) server.on("request", listener);
  return server;
}

/** As Node's: a server that closes does not wait for connections on which nothing is asked. */
function closeIdle(server: real.Server): void {
  const idle = new Set<Duplex>();
  const close = server.close.bind(server);
  let isClosing = false;
  server.on("connection", (socket: Duplex) => {
    idle.add(socket);
    socket.once("close", () => idle.delete(socket));
  });
  server.on("request", ({ socket }, response) => {
    idle.delete(socket);
    response.once("close", () => (isClosing ? socket.end() : idle.add(socket)));
  });
  const closeIdleConnections = (): void => {
    for (const socket of idle) socket.destroy();
  };
  Object.assign(server, {
    closeIdleConnections,
    close(told?: () => void) {
      isClosing = true;
      close(told);
      closeIdleConnections();
      return server;
    },
  });
}

/** An agent for each process: what it keeps open dies with it. */
const agents = new WeakMap<object, real.Agent>();

function simulatedAgent(options?: real.AgentOptions): real.Agent {
  const agent = new real.Agent(options);
  return Object.assign(agent, { createConnection: connectTo });
}

function ownAgent(): real.Agent {
  const process = host();
  let agent = agents.get(process);
  if (agent === undefined) agents.set(process, (agent = simulatedAgent({ keepAlive: true })));
  return agent;
}

function request(...given: readonly unknown[]): real.ClientRequest {
  const [first, second] = given;
  const told = given.findLast((item) => typeof item === "function") as
    | ((response: real.IncomingMessage) => void)
    | undefined;
  const isUrl = typeof first === "string" || first instanceof URL;
  const options = ((isUrl ? second : first) ?? {}) as real.RequestOptions;
  const more = typeof options === "function" ? {} : options;
  const agent = more.agent instanceof real.Agent ? more.agent : ownAgent();
  const full = { ...(isUrl ? placeOf(new URL(first)) : {}), ...more, agent };
  return real.request(full, told);
}

function placeOf({ hostname, port, pathname, search }: URL): real.RequestOptions {
  return { hostname, host: hostname, port: port === "" ? 80 : Number(port), path: `${pathname}${search}` };
}

function get(...given: readonly unknown[]): real.ClientRequest {
  const asked = request(...given);
  asked.end();
  return asked;
}

/** `node:http`: the real server and client, over connections of the world. */
export const http: Record<string, unknown> = {
  ...only(real, {
    name: "http",
    simulated: { createServer, request, get, Agent: simulatedAgent },
    harmless: [
      "IncomingMessage",
      "ServerResponse",
      "OutgoingMessage",
      "ClientRequest",
      "validateHeaderName",
      "validateHeaderValue",
    ],
  }),
  globalAgent: undefined,
};

/** The global `fetch` of a simulated process, for http addresses. */
export async function fetchThroughWorld(input: string | URL | Request, init: RequestInit = {}): Promise<Response> {
  const asked = outsideOfProcesses(() => new Request(input, init));
  const body = Buffer.from(await asked.arrayBuffer());
  return await new Promise((resolve, reject) => {
    const options = { method: asked.method, headers: Object.fromEntries(asked.headers), signal: asked.signal };
    const sent = request(asked.url, options, (response: real.IncomingMessage) => {
      const chunks: Uint8Array[] = [];
      response.on("data", (chunk: Uint8Array) => chunks.push(chunk));
      response.on("error", reject);
      response.on("end", () => {
        const { statusCode = 0, headers } = response;
        const given = Object.entries(headers).map(([name, value]) => [name, String(value)] as [string, string]);
        const content = statusCode === 204 || statusCode === 304 ? null : Buffer.concat(chunks);
        resolve(outsideOfProcesses(() => new Response(content, { status: statusCode, headers: given })));
      });
    });
    sent.on("error", reject);
    sent.end(body);
  });
}
