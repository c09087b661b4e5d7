import { connect } from "node:net";
import { describe, expect, test } from "vitest";
import { WebSocket } from "ws";
import { clientOf } from "../contract/mod.ts";
import { exerciseContract } from "../contract/conformance/mod.ts";
import { httpDispatcher } from "./http-dispatcher-system.ts";
import { type HttpServer, openHttpServer, type OpenHttpServerOptions } from "./server-system.ts";
import { contracts, openOrders, orders } from "./shop.test-api.ts";

async function withServer(
  work: (server: HttpServer, streamEnds: string[]) => Promise<void>,
  options: Partial<OpenHttpServerOptions> = {},
): Promise<void> {
  const streamEnds: string[] = [];
  await using services = await openOrders(streamEnds);
  await using server = await openHttpServer({ contracts, dispatcher: services.dispatcher, graceMs: 500, ...options });
  await work(server, streamEnds);
}

/** Sends bytes as they are, and gives what comes until the server closes. */
async function raw({ url }: HttpServer, text: string): Promise<string> {
  const { hostname, port } = new URL(url);
  const socket = connect({ host: hostname, port: Number(port) });
  socket.write(text);
  let answer = "";
  for await (const part of socket) answer += String(part);
  return answer;
}

async function until(isMet: () => boolean): Promise<void> {
  const startedMs = performance.now();
  while (!isMet()) {
    if (performance.now() - startedMs > 5_000) throw new Error("not met");
    await new Promise((next) => setTimeout(next, 5));
  }
}

test("the typed client has the same calls, errors and streams over HTTP", async () => {
  await withServer(async ({ url }) => {
    await using dispatcher = httpDispatcher({ url });
    const client = clientOf({ ...orders, queues: {}, calls: withRoutes }, dispatcher);
    expect(await client.get({ id: "a/ä" })).toEqual({ id: "a/ä", quantity: 1, revision: 7 });
    expect(await client.list({ limit: 3, tags: ["x", "y"] })).toEqual({ limit: 3, tags: ["x", "y"] });
    expect(await client.place({ quantity: 2 })).toMatchObject({ quantity: 2 });
    expect(await client.remove({ id: "a" })).toBeUndefined();
    await expect(client.get({ id: "none" })).rejects.toMatchObject({
      code: "DECLARED",
      failure: "unknownOrder",
      data: { id: "none" },
    });
    await expect(client.place({ quantity: 0 })).rejects.toMatchObject({
      code: "VALIDATION",
      issues: [{ path: "quantity" }],
    });
    await expect(client.clerk({})).rejects.toMatchObject({ code: "ACCESS" });
    await expect(client.broken({})).rejects.toMatchObject({ code: "FAULT" });
    await expect(client.slow({}, { withinMs: 10 })).rejects.toMatchObject({ code: "TIMEOUT" });
    const seen: number[] = [];
    for await (const { n } of client.count({ to: 300 })) seen.push(n);
    expect(seen).toHaveLength(300);
    await expect(Array.fromAsync(client.count({ to: -1 }))).rejects.toMatchObject({ failure: "tooFar" });
    await expect(dispatcher.call(orders, "inside")({ input: {} })).rejects.toThrow("declare an http route");
  });
  await using gone = httpDispatcher({ url: "http://127.0.0.1:1" });
  const nobody = gone.call(orders, "get")({ input: { id: "a" } });
  await expect(nobody).rejects.toMatchObject({ code: "UNAVAILABLE" });
});

const { inside: _, ...withRoutes } = orders.calls;

describe("over HTTP", () => {
  exerciseContract(
    { ...orders, calls: withRoutes },
    {
      test,
      async open() {
        const services = await openOrders();
        const server = await openHttpServer({
          contracts,
          dispatcher: services.dispatcher,
          authenticate: ({ headers }) =>
            headers["authorization"] === undefined ? undefined : { id: "a", roles: ["clerk"] },
        });
        const plain = httpDispatcher({ url: server.url });
        return {
          dispatcher: plain,
          async dispose() {
            await plain[Symbol.asyncDispose]();
            await server[Symbol.asyncDispose]();
            await services[Symbol.asyncDispose]();
          },
        };
      },
      examples: {
        get: { good: () => ({ id: "a" }), refused: { unknownOrder: () => ({ id: "none" }) } },
        list: { good: () => ({ limit: 1 }) },
        place: { good: () => ({ quantity: 1 }) },
      },
    },
  );
});

test("bodies, heads and requests have limits, whatever they announce", async () => {
  await withServer(
    async (server) => {
      const head = "POST /orders HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nConnection: close\r\n";
      const large = `{"quantity":1,"x":"${"y".repeat(2_000)}"}`;
      expect(await raw(server, `${head}Content-Length: ${large.length}\r\n\r\n${large}`)).toContain("413");
      const chunk = `${(1_500).toString(16)}\r\n${"z".repeat(1_500)}\r\n0\r\n\r\n`;
      expect(await raw(server, `${head}Transfer-Encoding: chunked\r\n\r\n${chunk}`)).toContain("413");
      expect(await raw(server, `GET /orders HTTP/1.1\r\nHost: x\r\nX: ${"a".repeat(20_000)}\r\n\r\n`)).toContain("431");
      const both = `${head}Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`;
      expect(await raw(server, both)).toContain("400 Bad Request");
      expect(await raw(server, "nonsense\r\n\r\n")).toContain("400 Bad Request");
      // Announces a body and never sends it.
      expect(await raw(server, `${head}Content-Length: 100\r\n\r\n{`)).toContain("408");
    },
    { limits: { bodyBytesMax: 1_000, requestMs: 300 } },
  );
}, 20_000);

test("a stream over WebSocket: items, its end, a refusal, and the handler ends when the client leaves", async () => {
  await withServer(async ({ url }, streamEnds) => {
    const at = url.replace("http", "ws");
    const listen = async (
      path: string,
      leaveAfter = Infinity,
    ): Promise<{ items: unknown[]; code: number; reason: string }> => {
      const socket = new WebSocket(`${at}${path}`);
      const items: unknown[] = [];
      socket.on("message", (data) => {
        items.push(JSON.parse((data as Buffer).toString()));
        if (items.length === leaveAfter) socket.close();
      });
      return await new Promise((resolve, reject) => {
        socket.on("error", reject);
        socket.on("close", (code, reason) => resolve({ items, code, reason: reason.toString() }));
      });
    };
    expect(await listen("/count?to=3")).toEqual({ items: [{ n: 1 }, { n: 2 }, { n: 3 }], code: 1_000, reason: "" });
    expect(await listen("/count?to=-1")).toMatchObject({ code: 1_008, reason: "too far" });
    expect(await listen("/count?to=x")).toMatchObject({ code: 1_008 });
    await expect(listen("/orders")).rejects.toThrow("404");
    streamEnds.length = 0;
    await listen("/count?to=1000000", 2);
    await until(() => streamEnds.length === 1);
  });
}, 20_000);

test("a client that goes away during server-sent events ends the handler", async () => {
  await withServer(async ({ url }, streamEnds) => {
    const controller = new AbortController();
    const headers = { accept: "text/event-stream" };
    const response = await fetch(`${url}/count?to=1000000`, { headers, signal: controller.signal });
    expect(response.headers.get("content-type")).toBe("text/event-stream");
    const reader = response.body?.getReader();
    await reader?.read();
    controller.abort();
    await until(() => streamEnds.length === 1);
  });
});

test("a closing server answers what is in hand, and takes nothing more", async () => {
  await using services = await openOrders();
  const server = await openHttpServer({ contracts, dispatcher: services.dispatcher });
  const slow = fetch(`${server.url}/slow`, { method: "POST" });
  await until(() => services.services[0]?.callsInFlight === 1);
  const closed = server[Symbol.asyncDispose]();
  const answer = await slow;
  expect(answer.status).toBe(504);
  expect(answer.headers.get("connection")).toBe("close");
  await closed;
  await expect(fetch(`${server.url}/orders/a`)).rejects.toThrow("fetch failed");
});

test("an address that is none is refused when the client is made", () => {
  for (const url of ["shop.example", "ftp://shop.example", ""])
    expect(() => httpDispatcher({ url })).toThrow(expect.objectContaining({ code: "CONFIG" }));
});
