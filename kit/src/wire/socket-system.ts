import { connect, createServer, type Server, type Socket } from "node:net";
import { ConfigError } from "../errors/mod.ts";
import type { ChannelListener, TextChannel } from "./channel.ts";
import { ListenError } from "./errors.ts";

/** A place to listen at or connect to: `host:port`, or the path of a socket file. */
function placeOf(address: string): { readonly host: string; readonly port: number } | { readonly path: string } {
  const colon = address.lastIndexOf(":");
  const port = Number(address.slice(colon + 1));
  if (colon > 0 && Number.isInteger(port) && port >= 0 && port <= 65_535)
    return { host: address.slice(0, colon).replace(/^\[(.*)\]$/, "$1"), port };
  return { path: address };
}

/** A bare word is a host without its port rather than a socket file that nobody else would look for. */
function listenPlaceOf(address: string): ReturnType<typeof placeOf> {
  const place = placeOf(address);
  if ("path" in place && !/[/\\]/.test(place.path))
    throw new ConfigError("address", address, "host:port, or the path of a socket file with a / in it");
  return place;
}

/** A connection that is being made; the channel closes when it cannot be. */
export function connectChannel(address: string): TextChannel {
  return socketChannel(connect(placeOf(address)));
}

/** Listens; resolves to the address once it does. Each connection is `accepted`. Rejects with ListenError. */
export async function listenChannels(
  address: string,
  accepted: (channel: TextChannel) => void,
): Promise<{ readonly address: string; readonly server: Server }> {
  const server = createServer((socket) => accepted(socketChannel(socket)));
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error) => reject(new ListenError(address, error)));
    server.listen(listenPlaceOf(address), () => resolve());
  });
  const bound = server.address();
  if (bound === null || typeof bound === "string") return { address, server };
  const host = bound.family === "IPv6" ? `[${bound.address}]` : bound.address;
  return { address: `${host}:${bound.port}`, server };
}

function socketChannel(socket: Socket): TextChannel {
  socket.setNoDelay(true).setEncoding("utf8");
  return {
    write: (text) => (socket.write(text) ? "taken" : "full"),
    pause: () => void socket.pause(),
    resume: () => void socket.resume(),
    end: () => void socket.end(),
    destroy: () => void socket.destroy(),
    listen(listener: ChannelListener) {
      let fault = "the connection was closed";
      socket.on("data", (text) => listener.arrived(text.toString()));
      socket.on("drain", () => listener.drained());
      socket.on("error", (error) => {
        fault = error.message;
      });
      // A half-closed peer gets what was written; it sends nothing more.
      socket.on("end", () => void socket.end());
      socket.on("close", () => listener.closed(fault));
    },
  };
}
