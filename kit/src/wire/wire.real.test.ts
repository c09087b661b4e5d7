import { connect } from "node:net";
import { expect, test } from "vitest";
import { wireClient } from "./client.ts";
import { openWireServer } from "./server.ts";

const echo = { identity: "server", call: async ({ body }: { readonly body: unknown }) => body };

test("calls and streams go over a real socket", async () => {
  await using server = await openWireServer({
    ...echo,
    async *stream() {
      for (let item = 1; item <= 500; item++) yield { item, text: "ä".repeat(100) };
    },
  });
  await using client = wireClient({ identity: "client", address: server.address });
  const bodies = Array.from({ length: 1_000 }, (_, index) => `${index} ✓`);
  expect(await Promise.all(bodies.map((body) => client.call({ method: "echo", body }, { withinMs: 5_000 })))).toEqual(
    bodies,
  );
  let count = 0;
  for await (const _ of client.stream({ method: "items", body: 0 }, {})) count++;
  expect(count).toBe(500);
  const large = "x".repeat(3_000_000);
  expect(await client.call({ method: "echo", body: large }, { withinMs: 5_000 })).toBe(large);
  expect(server.connections).toEqual([{ peer: "client", inFlight: 0 }]);
});

test("nobody listens: not sent, and why", async () => {
  const server = await openWireServer(echo);
  const { address } = server;
  await server[Symbol.asyncDispose]();
  await using client = wireClient({ identity: "client", address });
  await expect(client.call({ method: "echo", body: 1 }, { withinMs: 1_000 })).rejects.toMatchObject({
    what: "not sent",
    message: expect.stringContaining("ECONNREFUSED"),
  });
});

test("a server that closes answers what it has begun, and a new one at its address takes over", async () => {
  const { promise: release, resolve } = Promise.withResolvers<void>();
  const slow = { identity: "one", call: async ({ body }: { readonly body: unknown }) => (await release, body) };
  const first = await openWireServer(slow);
  await using client = wireClient({ identity: "client", address: first.address });
  const begun = client.call({ method: "echo", body: "begun" }, { withinMs: 5_000 });
  while (first.connections[0]?.inFlight !== 1) await new Promise((next) => setTimeout(next, 1));
  const closed = first[Symbol.asyncDispose]();
  resolve();
  expect(await begun).toBe("begun");
  await closed;
  await using second = await openWireServer({ ...echo, address: first.address });
  expect(await client.call({ method: "echo", body: "again" }, { withinMs: 5_000 })).toBe("again");
  expect(second.address).toBe(first.address);
});

test("a stranger that speaks HTTP is sent away", async () => {
  await using server = await openWireServer(echo);
  const [host = "", port = ""] = server.address.split(":");
  const socket = connect({ host, port: Number(port) });
  socket.resume().write("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  await new Promise((resolve) => socket.once("close", resolve));
  expect(server.connections).toEqual([]);
});

test("opened and closed many times, nothing stays", async () => {
  await using server = await openWireServer(echo);
  const before = process.getActiveResourcesInfo().length;
  for (let count = 0; count < 300; count++) {
    await using client = wireClient({ identity: "client", address: server.address });
    await client.call({ method: "echo", body: count }, { withinMs: 5_000 });
  }
  while (server.connections.length > 0) await new Promise((next) => setTimeout(next, 1));
  expect(process.getActiveResourcesInfo().length).toBeLessThanOrEqual(before + 5);
});

test("an address that cannot be listened at is told, and why", async () => {
  await using taken = await openWireServer(echo);
  const { address } = taken;
  await expect(openWireServer({ ...echo, address })).rejects.toMatchObject({
    code: "LISTEN",
    address,
    message: `${address} cannot be listened at: it is in use by another process`,
  });
  await expect(openWireServer({ ...echo, address: "192.0.2.1:7000" })).rejects.toThrow("no address of this machine");
  for (const word of ["shop", "127.0.0.1:99999"])
    await expect(openWireServer({ ...echo, address: word })).rejects.toMatchObject({ code: "CONFIG", value: word });
});
