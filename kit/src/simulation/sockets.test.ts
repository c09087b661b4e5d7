import { expect, test } from "vitest";
import {
  type ConnectionEnd,
  ConnectionRefusedError,
  type NodeHost,
  type SimulatedNode,
  world,
  type World,
} from "./mod.ts";

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);
const textOf = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

interface Scene {
  readonly server: SimulatedNode;
  /** What the server and the client were told. */
  readonly log: string[];
  /** Connects as the client; what it is told goes to the log. */
  readonly connect: (port?: number) => Promise<ConnectionEnd>;
}

function told(log: string[], name: string): Parameters<ConnectionEnd["listen"]>[0] {
  return {
    arrived: (bytes) => log.push(`${name} ${textOf(bytes)}`),
    ended: () => log.push(`${name} end`),
    closed: () => log.push(`${name} closed`),
  };
}

async function scene(here: World): Promise<Scene> {
  const log: string[] = [];
  const server = here.node("server", {
    start: ({ sockets }) => {
      sockets.listen(80, (end) => end.listen(told(log, "server")));
    },
  });
  let host: NodeHost | undefined;
  const client = here.node("client", { start: (given) => void (host = given) });
  await server.start();
  await client.start();
  const connect = async (port = 80): Promise<ConnectionEnd> => {
    const end = await (host as NodeHost).sockets.connect("server", port);
    end.listen(told(log, "client"));
    return end;
  };
  return { server, log, connect };
}

test("bytes arrive in order and once, whatever the network loses and delays", async () => {
  for (let seed = 0; seed < 20; seed++) {
    const here = world({ seed, network: { loss: 0.3, duplication: 0.3 } });
    const log = await here.run(async () => {
      const { log, connect } = await scene(here);
      const end = await connect();
      for (let index = 0; index < 50; index++) end.send(bytesOf(`${index}`), () => undefined);
      end.end();
      await here.clock.sleep(60_000);
      return log;
    });
    expect(log).toEqual([...Array.from({ length: 50 }, (_, index) => `server ${index}`), "server end"]);
  }
});

test("what is sent while the way is cut arrives once it is mended", async () => {
  const here = world({ seed: 1 });
  await here.run(async () => {
    const { log, connect } = await scene(here);
    const end = await connect();
    const cut = here.network.partition([["client"], ["server"]]);
    for (const text of ["a", "b"]) end.send(bytesOf(text), () => log.push(`${text} sent`));
    await here.clock.sleep(5_000);
    expect(log).toEqual([]);
    cut[Symbol.dispose]();
    await here.clock.sleep(1_000);
    expect(log).toEqual(["server a", "a sent", "server b", "b sent"]);
  });
});

test("nobody listens: refused; a process dies: the other side is told, and its port is free again", async () => {
  const here = world({ seed: 1 });
  await here.run(async () => {
    const { server, log, connect } = await scene(here);
    await expect(connect(81)).rejects.toThrow(ConnectionRefusedError);
    await connect();
    server.crash("process");
    await here.clock.sleep(100);
    expect(log).toEqual(["client closed"]);
    await expect(connect()).rejects.toThrow(ConnectionRefusedError);
    await server.start();
    (await connect()).send(bytesOf("again"), () => undefined);
    await here.clock.sleep(100);
    expect(log).toEqual(["client closed", "server again"]);
  });
});

test("a machine without power tells nobody: the connection is half-open until something is sent to the next process", async () => {
  const here = world({ seed: 1 });
  await here.run(async () => {
    const { server, log, connect } = await scene(here);
    const end = await connect();
    server.crash("machine");
    end.send(bytesOf("lost"), () => log.push("sent"));
    await here.clock.sleep(10_000);
    expect(log).toEqual([]);
    await server.start();
    end.send(bytesOf("to whom"), () => log.push("sent"));
    await here.clock.sleep(100);
    expect(log).toEqual(["client closed"]);
  });
});

test("a port is one process's at a time", async () => {
  const here = world({ seed: 1 });
  const node = here.node("a", {
    start: ({ sockets }) => {
      const free = sockets.listen(0, () => undefined);
      expect(() => sockets.listen(free, () => undefined)).toThrow("one that nothing listens at on a");
      sockets.close(free);
      expect(sockets.listen(free, () => undefined)).toBe(free);
    },
  });
  await here.run(() => node.start());
  expect(node.state).toBe("up");
});
