import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { expect, test } from "vitest";
import { WebSocket } from "ws";
import { z } from "zod";
import { call, contract, failure, stream } from "../contract/mod.ts";
import { implement, openServices, system } from "../service/mod.ts";
import { type HttpServer, openHttpServer, type OpenHttpServerOptions } from "./server-system.ts";

const lamps = contract("lamps", {
  calls: {
    look: call({
      input: z.object({ id: z.string() }),
      output: z.object({ id: z.string(), tag: z.string() }),
      semantics: "safe",
      http: { route: "GET /lamps/{id}", etag: "tag" },
    }),
  },
  streams: {
    watch: stream({
      input: z.object({ items: z.int(), size: z.int().default(1) }),
      output: z.object({ text: z.string() }),
      errors: {
        dark: failure({
          title:
            "Темно: лампа не горит, а должна была бы гореть всю ночь и ещё немного утром, пока не станет совсем светло",
          data: z.object({}),
        }),
      },
      http: "GET /watch",
    }),
  },
});

let watching = 0;
const lampsService = implement(lamps)({
  calls: { look: ({ input }) => ({ id: input.id, tag: input.id === "odd" ? 'a "→"' : "7" }) },
  streams: {
    async *watch({ input, signal, fail }) {
      if (input.items < 0) throw fail.dark({});
      watching++;
      try {
        for (let item = 0; item < input.items; item++) yield { text: "x".repeat(input.size) };
        await new Promise<void>((resolve) => {
          if (input.items < 5) signal.addEventListener("abort", () => resolve());
          else resolve();
        });
      } finally {
        watching--;
      }
    },
  },
});

async function withServer(
  work: (server: HttpServer) => Promise<void>,
  options: Partial<OpenHttpServerOptions> = {},
): Promise<void> {
  await using services = await openServices(system("lamps", { services: [lampsService] }));
  const contracts = [lamps];
  await using server = await openHttpServer({ contracts, dispatcher: services.dispatcher, graceMs: 300, ...options });
  await work(server);
}

async function socketTo({ url }: HttpServer, text: string): Promise<Socket> {
  const { hostname, port } = new URL(url);
  const socket = connect({ host: hostname, port: Number(port) });
  await once(socket, "connect");
  socket.write(text);
  return socket;
}

async function textOf(socket: Socket): Promise<string> {
  let text = "";
  for await (const part of socket) text += String(part);
  return text;
}

const upgrade =
  "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

async function until(isMet: () => boolean): Promise<void> {
  const startedMs = performance.now();
  while (!isMet()) {
    if (performance.now() - startedMs > 5_000) throw new Error("not met");
    await new Promise((next) => setTimeout(next, 5));
  }
}

async function took(work: Promise<unknown> | PromiseLike<unknown>): Promise<number> {
  const startedMs = performance.now();
  await work;
  return performance.now() - startedMs;
}

test("who asks to upgrade where nothing is and is gone at once ends its own connection only", async () => {
  await withServer(async (server) => {
    for (let count = 0; count < 50; count++) {
      const socket = await socketTo(server, `GET /nothing HTTP/1.1\r\nHost: x\r\n${upgrade}\r\n`);
      socket.resetAndDestroy();
    }
    await new Promise((next) => setTimeout(next, 50));
    expect((await fetch(`${server.url}/lamps/a`)).status).toBe(200);
    // And who stays without reading or leaving is not kept.
    const silent = await socketTo(server, `GET /nothing HTTP/1.1\r\nHost: x\r\n${upgrade}\r\n`);
    expect(await textOf(silent)).toContain("404");
  });
});

test("an offer of another protocol is not taken up, and the request is answered", async () => {
  await withServer(async (server) => {
    const offer = "Connection: Upgrade, HTTP2-Settings, close\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n";
    const socket = await socketTo(server, `GET /lamps/a HTTP/1.1\r\nHost: x\r\n${offer}\r\n`);
    expect(await textOf(socket)).toContain("200 OK");
  });
});

test("a closing server does not wait for readers of streams, nor beyond its grace for one that does not answer", async () => {
  await using services = await openServices(system("lamps", { services: [lampsService] }));
  const contracts = [lamps];
  const server = await openHttpServer({ contracts, dispatcher: services.dispatcher, graceMs: 2_000 });
  const events = await fetch(`${server.url}/watch?items=1`, { headers: { accept: "text/event-stream" } });
  const reading = events.text();
  await until(() => watching === 1);
  expect(await took(server[Symbol.asyncDispose]())).toBeLessThan(1_500);
  expect(await reading).not.toContain("event: end");
  await until(() => watching === 0);

  const second = await openHttpServer({ contracts, dispatcher: services.dispatcher, graceMs: 300 });
  const frozen = await socketTo(second, `GET /watch?items=1 HTTP/1.1\r\nHost: x\r\n${upgrade}\r\n`);
  await until(() => watching === 1);
  frozen.pause();
  expect(await took(second[Symbol.asyncDispose]())).toBeLessThan(2_000);
  await until(() => watching === 0);
  frozen.destroy();
}, 30_000);

test("HEAD of a stream begins none", async () => {
  await withServer(async ({ url }) => {
    const headers = { accept: "text/event-stream" };
    const response = await fetch(`${url}/watch?items=1`, { method: "HEAD", headers });
    expect(response.status).toBe(200);
    expect(response.headers.get("content-type")).toBe("text/event-stream");
    expect(watching).toBe(0);
  });
});

test("a refusal in any script is told as the reason of a WebSocket's end", async () => {
  await withServer(async ({ url }) => {
    const socket = new WebSocket(`${url.replace("http", "ws")}/watch?items=-1`);
    const [code, reason] = (await once(socket, "close")) as [number, Buffer];
    expect(code).toBe(1_008);
    expect(reason.toString()).toMatch(/^Темно: лампа не горит/);
  });
});

test("a handler that is faster than the wire is waited for, and its reader gets every item", async () => {
  await withServer(async ({ url }) => {
    const socket = new WebSocket(`${url.replace("http", "ws")}/watch?items=20000&size=1000`);
    let items = 0;
    socket.on("message", () => items++);
    const [code] = (await once(socket, "close")) as [number];
    expect({ code, items }).toEqual({ code: 1_000, items: 20_000 });
  });
}, 30_000);

test("a reader over WebSocket who takes nothing in is cut off", async () => {
  await withServer(
    async (server) => {
      const frozen = await socketTo(server, `GET /watch?items=100000&size=1000 HTTP/1.1\r\nHost: x\r\n${upgrade}\r\n`);
      frozen.pause();
      await until(() => watching === 1);
      await until(() => watching === 0);
      expect(watching).toBe(0);
      frozen.destroy();
    },
    { limits: { aliveMs: 200 } },
  );
}, 30_000);

test("an entity tag that no header can carry is left out, and one that is there may be asked for", async () => {
  await withServer(async ({ url }) => {
    const odd = await fetch(`${url}/lamps/odd`);
    expect({ status: odd.status, etag: odd.headers.get("etag") }).toEqual({ status: 200, etag: null });
    const tagged = await fetch(`${url}/lamps/a`);
    expect(tagged.headers.get("etag")).toBe('"7"');
    // Else no cache would ever keep it, and come back with the tag.
    expect(tagged.headers.get("cache-control")).toBe("no-cache");
    expect(odd.headers.get("cache-control")).toBe("no-store");
  });
});

test("a stream's answer has the id of its request, as every other has", async () => {
  await withServer(async ({ url }) => {
    const controller = new AbortController();
    const headers = { accept: "text/event-stream", "x-request-id": "mine-1" };
    const response = await fetch(`${url}/watch?items=1`, { headers, signal: controller.signal });
    expect(response.headers.get("x-request-id")).toBe("mine-1");
    expect(response.headers.get("x-content-type-options")).toBe("nosniff");
    controller.abort();
  });
});
