import { connect } from "node:net";
import { expect, test } from "vitest";
import { systemClock } from "ashlar/clock";
import { goodOrder, openTestShop } from "./api.test-shop.ts";
import type { RefusedRequest } from "./request-log.ts";
import { serveApi, type ApiServer } from "./serve.ts";

async function withServer(run: (server: ApiServer, log: readonly RefusedRequest[]) => Promise<void>): Promise<void> {
  await using shop = await openTestShop();
  const log: RefusedRequest[] = [];
  await using server = await serveApi({ api: shop.api, port: 0, clock: systemClock, log: (entry) => log.push(entry) });
  await run(server, log);
}

/** Sends bytes as they are and gives all that comes back until the other side closes. */
function raw(port: number, ...parts: readonly string[]): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  let answer = "";
  const socket = connect({ port, host: "127.0.0.1" });
  socket.setEncoding("utf8");
  socket.on("data", (text: string) => (answer += text));
  socket.on("error", () => resolve(answer));
  socket.on("close", () => resolve(answer));
  for (const part of parts) socket.write(part);
  return promise;
}

test("orders are taken over the wire", () =>
  withServer(async ({ url }) => {
    const response = await fetch(`${url}/orders`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(goodOrder),
    });
    expect(response.status).toBe(202);
    const order = await fetch(`${url}${response.headers.get("location")}?waitSeconds=10`);
    expect(await order.json()).toMatchObject({ status: "confirmed" });
  }));

test("a chunked body without a length is cut off at 64 KiB", () =>
  withServer(async ({ port, url }) => {
    const head =
      "POST /orders HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n";
    const chunk = `4000\r\n${" ".repeat(0x4000)}\r\n`;
    const answer = await raw(port, head, ...Array.from({ length: 64 }, () => chunk));
    expect(answer).toMatch(/^HTTP\/1\.1 413 /);
    expect(answer).toContain("/problems/body-too-large");
    expect((await fetch(`${url}/health`)).status).toBe(200);
  }));

test("what is not HTTP is answered with a problem and logged", () =>
  withServer(async ({ port }, log) => {
    expect(await raw(port, "hello\r\n\r\n")).toMatch(/^HTTP\/1\.1 400 .*application\/problem\+json/s);
    expect(await raw(port, `GET / HTTP/1.1\r\nhost: x\r\nx: ${"y".repeat(20_000)}\r\n\r\n`)).toMatch(
      /^HTTP\/1\.1 431 /,
    );
    expect(log.map(({ status }) => status)).toEqual([400, 431]);
  }));

test("a port that is in use is refused by name", () =>
  withServer(async ({ port }) => {
    await using shop = await openTestShop();
    const second = serveApi({ api: shop.api, port, clock: systemClock, log: () => undefined });
    await expect(second).rejects.toThrow(`port ${port} is in use by another process`);
  }));

test("closing lets a running request end", async () => {
  await using shop = await openTestShop({ storefront: { sales: async () => (await systemClock.sleep(200), []) } });
  const server = await serveApi({ api: shop.api, port: 0, clock: systemClock, log: () => undefined });
  const answer = fetch(`${server.url}/sales?by=day`);
  await systemClock.sleep(100);
  await server[Symbol.asyncDispose]();
  expect((await answer).status).toBe(200);
  await expect(fetch(`${server.url}/health`)).rejects.toThrow("fetch failed");
});
