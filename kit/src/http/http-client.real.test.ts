import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, test } from "vitest";
import { z } from "zod";
import { call, clientOf, contract, isCallError, stream } from "../contract/mod.ts";
import { openMemoryEngine } from "../engine/memory/mod.ts";
import { engineToken, implement, openServices, provide, system } from "../service/mod.ts";
import { httpDispatcher } from "./http-dispatcher-system.ts";
import { openHttpServer } from "./server-system.ts";

const finds = contract("finds", {
  calls: {
    find: call({
      input: z.object({ tags: z.array(z.string()), from: z.coerce.date().optional() }),
      output: z.object({ tags: z.array(z.string()) }),
      semantics: "safe",
      http: "GET /find",
    }),
    either: call({
      input: z.union([z.object({ near: z.int() }), z.object({ name: z.string() })]),
      output: z.unknown(),
      semantics: "safe",
      http: "GET /either",
    }),
    list: call({
      input: z.object({ tags: z.array(z.string()) }),
      output: z.object({ tags: z.array(z.string()) }),
      semantics: "safe",
      http: "GET /list",
    }),
    buy: call({ input: z.object({}), output: z.object({}), semantics: "keyed", http: "POST /buy" }),
  },
  streams: {
    watch: stream({
      input: z.object({ items: z.int() }),
      output: z.object({ text: z.string() }),
      deadlineMs: 300,
      http: "GET /watch",
    }),
  },
});

const main = engineToken("main");
const engines = [provide(main, { open: () => openMemoryEngine() })];
const findsService = implement(finds)({
  engine: main,
  calls: {
    find: ({ input }) => ({ tags: input.tags }),
    either: ({ input }) => input,
    list: ({ input }) => input,
    buy: () => ({}),
  },
  streams: {
    async *watch({ input, signal }) {
      for (let item = 0; item < input.items; item++) yield { text: "x".repeat(100) };
      if (input.items < 5) await new Promise<void>((done) => signal.addEventListener("abort", () => done()));
    },
  },
});

/** Any server, whatever it answers. */
async function withAnswers(
  answer: (request: IncomingMessage, response: ServerResponse) => void,
  work: (client: ReturnType<typeof httpDispatcher>, seen: IncomingMessage[]) => Promise<void>,
): Promise<void> {
  const seen: IncomingMessage[] = [];
  const server = createServer((request, response) => {
    seen.push(request);
    answer(request, response);
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  try {
    await using client = httpDispatcher({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` });
    await work(client, seen);
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

function rejection(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => undefined,
    (error: unknown) => error,
  );
}

test("whatever a server answers, a call ends with an error of a call", async () => {
  const odd: readonly (readonly [number, string])[] = [
    [200, "<html>"],
    [500, "null"],
    [500, "[]"],
    [502, "<html>Bad Gateway</html>"],
    [422, '{"type":"/problems/invalid-input","errors":5}'],
    [422, '{"type":"/problems/invalid-input","errors":[5,{"pointer":7}]}'],
    [400, '{"type":7,"failure":8,"reference":9}'],
    [400, '{"type":"/problems/constructor"}'],
    [400, '{"type":"/problems/__proto__"}'],
  ];
  let next = 0;
  const answer = (_: IncomingMessage, response: ServerResponse): void => {
    const [status, body] = odd[next++] ?? [500, ""];
    response.writeHead(status).end(body);
  };
  await withAnswers(answer, async (client) => {
    for (const [status, body] of odd) {
      const error = await rejection(client.call(finds, "list")({ input: { tags: [] } }));
      expect({ status, body, error: isCallError(error) ? "of a call" : error }).toMatchObject({ error: "of a call" });
    }
  });
});

test("when to come back is what the server said", async () => {
  const answer = (_: IncomingMessage, response: ServerResponse): void => {
    response.writeHead(429, { "retry-after": "7" }).end('{"type":"/problems/too-often"}');
  };
  await withAnswers(answer, async (client) => {
    const error = await rejection(client.call(finds, "buy")({ input: {} }));
    expect(error).toMatchObject({ code: "RATE_LIMIT", retryAfterMs: 7_000 });
  });
});

test("what has no time left, or a key that no header can carry, is not sent", async () => {
  await withAnswers(
    (_, response) => response.end("{}"),
    async (client, seen) => {
      const late = client.call(finds, "buy")({ input: {}, withinMs: 0 });
      expect(await rejection(late)).toMatchObject({ code: "TIMEOUT" });
      for (const key of ["order 17", "ключ", "", "x".repeat(300)])
        expect(await rejection(client.call(finds, "buy")({ input: {}, key }))).toMatchObject({ code: "VALIDATION" });
      expect(seen.length).toBe(0);
    },
  );
});

test("a stream has the time for its first item, and its trace, as a call has", async () => {
  await withAnswers(
    (_, response) => response.writeHead(200, { "content-type": "text/event-stream" }).flushHeaders(),
    async (client, seen) => {
      const trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
      const request = { input: { items: 1 }, trace, withinMs: 50 };
      const error = await rejection(Array.fromAsync(client.stream(finds, "watch")(request)));
      expect(error).toMatchObject({ code: "TIMEOUT", afterMs: 50 });
      expect(seen[0]?.headers["traceparent"]).toBe(trace);
    },
  );
});

test("streams are as long as they are, and take no connection from calls, nor hold up the end", async () => {
  await using services = await openServices(system("finds", { services: [findsService], engines }));
  const contracts = [finds];
  await using server = await openHttpServer({ contracts, dispatcher: services.dispatcher, graceMs: 100 });
  const dispatcher = httpDispatcher({ url: server.url, connections: 1, answerBytesMax: 2_000 });
  const client = clientOf(finds, dispatcher);
  expect(await Array.fromAsync(client.watch({ items: 100 }))).toHaveLength(100);
  const open = client.watch({ items: 1 })[Symbol.asyncIterator]();
  expect((await open.next()).done).toBe(false);
  expect(await client.list({ tags: ["a"] }, { withinMs: 2_000 })).toEqual({ tags: ["a"] });
  const rest = rejection(Promise.resolve(open.next()));
  const startedMs = performance.now();
  await dispatcher[Symbol.asyncDispose]();
  expect(performance.now() - startedMs).toBeLessThan(2_000);
  expect(isCallError(await rest)).toBe(true);
});

test("lists without items, unions, and schemas that JSON Schema cannot say go through a query", async () => {
  await using services = await openServices(system("finds", { services: [findsService], engines }));
  const contracts = [finds];
  await using server = await openHttpServer({ contracts, dispatcher: services.dispatcher });
  await using dispatcher = httpDispatcher({ url: server.url });
  const client = clientOf(finds, dispatcher);
  expect(await client.list({ tags: [] })).toEqual({ tags: [] });
  expect(await client.either({ near: 5 })).toEqual({ near: 5 });
  expect(await client.either({ name: "5" })).toEqual({ name: "5" });
  expect((await fetch(`${server.url}/find?tags=a`)).status).toBe(422);
  expect((await fetch(`${server.url}/list`)).status).toBe(200);
});
