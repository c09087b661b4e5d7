import { Duplex } from "node:stream";
import type { Timer } from "../../clock/mod.ts";
import type { ConnectionEnd } from "../mod.ts";
import { bound, host, runIn } from "./current-system.ts";

/** What Node's own code and its users ask of a socket, besides being a stream. */
export interface SocketStream extends Duplex {
  setTimeout(ms: number, told?: () => void): SocketStream;
}

/** A stream over a connection of the world, with the manners of a socket. `end` may come later: what is written before waits. */
export function socketStream(connecting: Promise<ConnectionEnd>): SocketStream {
  const process = host();
  let end: ConnectionEnd | undefined;
  let idle: { readonly ms: number; timer: Timer } | undefined;
  const touched = (): void => {
    if (idle !== undefined) setIdle(idle.ms);
  };
  const setIdle = (ms: number): void => {
    idle?.timer.cancel();
    const ring = (): void => runIn(process, () => void stream.emit("timeout"));
    idle = ms > 0 ? { ms, timer: process.clock.setTimer(ms, ring, { holdsProcess: "no" }) } : undefined;
  };
  const whenOpen = (work: (end: ConnectionEnd) => void, failed: (error: Error) => void): void => {
    if (end !== undefined) return work(end);
    connecting.then(work, (error: unknown) => failed(error as Error));
  };
  const stream = new Duplex({
    allowHalfOpen: true,
    read: () => undefined,
    write(chunk: Uint8Array, _encoding, done) {
      touched();
      whenOpen(
        (open) =>
          open.send(
            chunk,
            bound(() => done()),
          ),
        done,
      );
    },
    final(done) {
      whenOpen((open) => (open.end(), done()), done);
    },
    destroy(error, done) {
      idle?.timer.cancel();
      end?.reset();
      done(error);
    },
  });
  connecting.then(
    (opened) => {
      end = opened;
      if (stream.destroyed) return opened.reset();
      opened.listen({
        arrived: (bytes) => runIn(process, () => (touched(), void stream.push(bytes))),
        ended: () => runIn(process, () => void stream.push(null)),
        closed: () =>
          runIn(
            process,
            () => void stream.destroy(Object.assign(new Error("read ECONNRESET"), { code: "ECONNRESET" })),
          ),
      });
      runIn(process, () => (stream.emit("connect"), stream.emit("ready")));
    },
    (error: unknown) => runIn(process, () => void stream.destroy(error as Error)),
  );
  return Object.assign(stream, addresses, {
    setNoDelay: () => stream,
    setKeepAlive: () => stream,
    ref: () => stream,
    unref: () => stream,
    setTimeout(ms: number, told?: () => void) {
      if (told !== undefined) stream.once("timeout", told);
      setIdle(ms);
      return stream as SocketStream;
    },
  }) as SocketStream;
}

const addresses = {
  remoteAddress: "10.0.0.1",
  remoteFamily: "IPv4",
  remotePort: 40_000,
  localAddress: "10.0.0.1",
  localPort: 40_000,
  encrypted: false,
} as const;
