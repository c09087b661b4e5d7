import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import { expect, test } from "vitest";
import { NatsError, openNats } from "./mod.ts";

/** Listens and does what is asked of it to each connection. */
async function stranger(
  greet: (socket: Socket) => void,
): Promise<AsyncDisposable & { readonly url: string; readonly open: () => number }> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket)).on("error", () => undefined);
    greet(socket);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const port = typeof address === "object" ? address?.port : 0;
  return {
    url: `nats://127.0.0.1:${port}`,
    open: () => sockets.size,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => void server.close(resolve));
    },
  };
}

test.each([
  ["says something else", "other", (socket: Socket) => void socket.write("220 mail.example ESMTP\r\n")],
  ["says nothing", "connection", () => undefined],
])("a server that %s is told by its address, in time, and no connection to it is left", async (_, reason, greet) => {
  await using server = await stranger(greet);
  const error: unknown = await openNats({ url: server.url, connectMaxMs: 300 }).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(NatsError);
  expect(error).toMatchObject({ reason, message: expect.stringContaining(server.url.slice(7)) });
  await expect.poll(() => server.open()).toBe(0);
});
