import { EventEmitter } from "node:events";
import * as real from "node:net";
import type { Duplex } from "node:stream";
import type { NodeHost } from "../mod.ts";
import { bound, host, only, runIn } from "./current-system.ts";
import { type SocketStream, socketStream } from "./socket-stream-system.ts";

interface Place {
  readonly port?: number | string | undefined;
  readonly host?: string | null | undefined;
}

const here = new Set(["localhost", "127.0.0.1", "0.0.0.0", "::1", "::", ""]);

/** A connection to `host:port`; host names are names of nodes, and `localhost` is the own one. */
export function connectTo({ port, host: name }: Place): SocketStream {
  const process = host();
  const node = name === undefined || name === null || here.has(name) ? process.name : name;
  return socketStream(process.sockets.connect(node, Number(port)));
}

/** What listens: gives `listen`, `close` and `address` to a server whose connections are handled by `connection` events. */
export function listening<T extends EventEmitter>(server: T): T {
  let open: { readonly process: NodeHost; readonly port: number } | undefined;
  const streams = new Set<Duplex>();
  const listen = (...given: unknown[]): T => {
    const process = host();
    const [first] = given;
    const asked = typeof first === "object" && first !== null ? (first as Place).port : first;
    const port = process.sockets.listen(Number(asked ?? 0), (end) =>
      runIn(process, () => {
        const stream = socketStream(Promise.resolve(end));
        streams.add(stream);
        stream.once("close", () => streams.delete(stream));
        server.emit("connection", stream);
      }),
    );
    open = { process, port };
    const told = given.findLast((item) => typeof item === "function") as (() => void) | undefined;
    process.clock.nextTurn(
      bound(() => {
        server.emit("listening");
        told?.();
      }),
    );
    return server;
  };
  const close = (told?: () => void): T => {
    open?.process.sockets.close(open.port);
    open = undefined;
    const done = bound(() => {
      server.emit("close");
      told?.();
    });
    let waiting = streams.size;
    const oneLess = (): void => {
      if (--waiting === 0) done();
    };
    for (const stream of streams) stream.once("close", oneLess);
    if (waiting === 0) host().clock.nextTurn(done);
    return server;
  };
  return Object.assign(server, {
    listen,
    close,
    address: () => (open === undefined ? null : { address: "10.0.0.1", family: "IPv4", port: open.port }),
    ref: () => server,
    unref: () => server,
    [Symbol.asyncDispose]: () => new Promise<void>((resolve) => void close(resolve)),
  });
}

const simulated = {
  createServer(...given: readonly unknown[]): EventEmitter {
    const server = listening(new EventEmitter());
    const told = given.findLast((item) => typeof item === "function") as ((socket: Duplex) => void) | undefined;
    if (told !== undefined) server.on("connection", told);
    return server;
  },
  connect: (...given: readonly unknown[]): SocketStream => {
    const [first, second] = given;
    const place =
      typeof first === "object"
        ? (first as Place)
        : { port: Number(first), host: typeof second === "string" ? second : undefined };
    const stream = connectTo(place);
    const told = given.findLast((item) => typeof item === "function") as (() => void) | undefined;
    if (told !== undefined) stream.once("connect", told);
    return stream;
  },
} as const;

/** `node:net` over the sockets of the process. */
export const net: Record<string, unknown> = only(real, {
  name: "net",
  simulated: { ...simulated, createConnection: simulated.connect },
  harmless: ["isIP", "isIPv4", "isIPv6", "BlockList"],
});
