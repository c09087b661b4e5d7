import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import { expect, test } from "vitest";
import { systemClock } from "../../clock/mod.ts";
import { seededRandom } from "../../random/mod.ts";
import { openPostgres } from "./mod.ts";

test("a server that asks for a password nobody gave is told in clear words, and its connection is closed", async () => {
  const closed = Promise.withResolvers<void>();
  await using server = await listening((socket) => {
    socket.on("close", () => closed.resolve());
    socket.on("data", (data) => {
      // SASLInitialResponse holds the client's nonce, which the server continues.
      const nonce = /r=(\S+)$/.exec(data.toString("latin1"))?.[1];
      socket.write(nonce === undefined ? asked(10, "SCRAM-SHA-256\0\0") : asked(11, `r=${nonce}x,s=c2FsdA==,i=4096`));
    });
  });
  await expect(openPostgres({ url: `postgres://ada@${server.host}/shop` })).rejects.toMatchObject({
    reason: "denied",
    message:
      "connecting: the server asks for a password, and none was given: postgres://user:password@host, or PGPASSWORD",
  });
  await closed.promise;
});

test("opening is tried for connectMaxMs in all, and not anew when the first connection had that time", async () => {
  const never = await listening(() => undefined);
  await never[Symbol.asyncDispose]();
  // Pauses at their longest: the last attempt that is within the time ends at 775 ms, so that another second would fit behind it.
  const random = Object.assign(seededRandom(1), { next: () => 0.999 });
  const startedMs = systemClock.monotonic();
  const opening = openPostgres({ url: `postgres://ada@${never.host}/shop`, connectMaxMs: 1_000, random });
  await expect(opening).rejects.toMatchObject({ reason: "connection" });
  expect(systemClock.monotonic() - startedMs).toBeLessThan(1_400);
});

/** A request of the server to authenticate. */
function asked(kind: number, text: string): Buffer {
  const message = Buffer.alloc(9 + Buffer.byteLength(text));
  message.write("R");
  message.writeInt32BE(message.length - 1, 1);
  message.writeInt32BE(kind, 5);
  message.write(text, 9);
  return message;
}

async function listening(accepted: (socket: Socket) => void): Promise<AsyncDisposable & { readonly host: string }> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket.on("error", () => undefined));
    accepted(socket);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  return {
    host: `127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      if (server.listening) await new Promise((resolve) => server.close(resolve));
    },
  };
}
