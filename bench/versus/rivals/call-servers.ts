// A service in a process of its own, and the way to call it: one socket, several transports.
import { connect, createServer, type AddressInfo } from "node:net";

import { call, clientOf, contract } from "ashlar/contract";
import { fixedDirectory } from "ashlar/registry";
import { implement, system } from "ashlar/service";
import { openNode } from "ashlar/service/node";
import { ServiceBroker } from "moleculer";
import { z } from "zod";

function answer(id: string): { id: string; state: string; total: number; items: { sku: string; quantity: number }[] } {
  const items = [
    { sku: "a", quantity: 2 },
    { sku: "b", quantity: 1 },
  ];
  return { id, state: "paid", total: 41.5, items };
}

const item = z.object({ sku: z.string(), quantity: z.number() });
const orders = contract("orders", {
  calls: {
    get: call({
      input: z.object({ id: z.string() }),
      output: z.object({ id: z.string(), state: z.string(), total: z.number(), items: z.array(item) }),
      semantics: "safe",
    }),
  },
});
const bench = system("bench", { services: [implement(orders)({ calls: { get: ({ input }) => answer(input.id) } })] });

export interface Caller {
  readonly call: (id: string) => Promise<unknown>;
  readonly close: () => Promise<unknown>;
}

const namespace = "ashlar-bench";

async function moleculer(nodeID: string): Promise<ServiceBroker> {
  return new ServiceBroker({ nodeID, namespace, transporter: "TCP", logger: false });
}

export async function callerOf(side: string, address: string): Promise<Caller> {
  if (side === "ashlar") {
    const directory = fixedDirectory({ "orders@1": [{ id: "1", address }] });
    const node = await openNode(bench, { directory, identity: "caller", only: [] });
    const client = clientOf(orders, node.services.dispatcher);
    return { call: (id) => client.get({ id }), close: async () => await node[Symbol.asyncDispose]() };
  }
  if (side === "moleculer") {
    const broker = await moleculer("caller");
    await broker.start();
    await broker.waitForServices("orders", 20_000);
    return { call: (id) => broker.call("orders.get", { id }), close: () => broker.stop() };
  }
  const waiting = new Map<number, (answer: unknown) => void>();
  const socket = connect({ host: "127.0.0.1", port: Number(address) })
    .setNoDelay(true)
    .setEncoding("utf8");
  let [last, out, rest] = [0, "", ""];
  socket.on("data", (part) => {
    const lines = (rest + String(part)).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) {
      const { n, ok } = JSON.parse(line) as { n: number; ok: unknown };
      waiting.get(n)?.(ok);
      waiting.delete(n);
    }
  });
  const flush = (): void => {
    socket.write(out);
    out = "";
  };
  return {
    call: (id) =>
      new Promise((resolve) => {
        waiting.set(++last, resolve);
        if (out === "") queueMicrotask(flush);
        out += `${JSON.stringify({ n: last, to: "orders.get", in: { id } })}\n`;
      }),
    close: async () => socket.destroy(),
  };
}

async function serve(side: string): Promise<string> {
  if (side === "ashlar") {
    const node = await openNode(bench, { directory: fixedDirectory(), identity: "server" });
    return node.address ?? "";
  }
  if (side === "moleculer") {
    const broker = await moleculer("server");
    const handler = (context: { params: { id: string } }): object => answer(context.params.id);
    broker.createService({ name: "orders", actions: { get: { params: { id: "string" }, handler } } });
    await broker.start();
    return "";
  }
  const server = createServer({ noDelay: true }, (socket) => {
    let rest = "";
    socket.setEncoding("utf8").on("data", (part) => {
      const lines = (rest + String(part)).split("\n");
      rest = lines.pop() ?? "";
      let out = "";
      for (const line of lines) {
        const { n, in: input } = JSON.parse(line) as { n: number; in: { id: string } };
        out += `${JSON.stringify({ n, ok: answer(input.id) })}\n`;
      }
      if (out !== "") socket.write(out);
    });
    socket.on("error", () => socket.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return String((server.address() as AddressInfo).port);
}

if (import.meta.main && process.send !== undefined) process.send(await serve(process.argv[2] ?? ""));
