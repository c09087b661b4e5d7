import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";

/** A name that leads to one server, and later to another. */
export interface MovableName extends AsyncDisposable {
  readonly url: string;
  /** Cuts who is connected; who connects from now on reaches the other server. */
  moveTo(url: string): void;
}

export async function movableName(first: string): Promise<MovableName> {
  let target = new URL(first);
  const sockets = new Set<Socket>();
  const server = createServer((near) => {
    const far = connect({ host: target.hostname, port: Number(target.port) });
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(one);
      one.pipe(other);
      one.on("error", () => other.destroy()).on("close", () => sockets.delete(one) && other.destroy());
    }
  });
  const cutAll = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  return {
    url: `redis://127.0.0.1:${typeof address === "object" ? address?.port : 0}`,
    moveTo: (url) => {
      target = new URL(url);
      cutAll();
    },
    [Symbol.asyncDispose]: async () => {
      cutAll();
      server.close();
      await once(server, "close");
    },
  };
}

/** Makes a replica a primary, as a fail-over does. */
export async function promote(port: number): Promise<void> {
  const socket = connect({ host: "127.0.0.1", port });
  socket.write("REPLICAOF NO ONE\r\n");
  const answer = String((await once(socket, "data"))[0]);
  socket.destroy();
  if (!answer.startsWith("+OK")) throw new Error(`not promoted: ${answer}`);
}
