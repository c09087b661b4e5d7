import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";

/** A way to a server that can be cut. */
export interface CutWay extends AsyncDisposable {
  readonly url: string;
  /** No new connections, and none of those that are there, until `mend`. */
  cut(): void;
  mend(): void;
}

const ports: Readonly<Record<string, number>> = {
  "redis:": 6379,
  "nats:": 4222,
  "postgres:": 5432,
  "postgresql:": 5432,
};

/** Where the server at that address is found. */
export function placeOf(url: string): { readonly host: string; readonly port: number } {
  const { hostname, port, protocol } = new URL(url);
  return { host: hostname, port: Number(port || ports[protocol]) };
}

/** Opens a way to the server at that address. */
export async function openCutWay(target: string): Promise<CutWay> {
  const sockets = new Set<Socket>();
  let isCut = false;
  const server = createServer((near) => {
    if (isCut) return void near.destroy();
    const far = connect(placeOf(target));
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(one);
      const end = (): void => void (sockets.delete(one) && other.destroy());
      one.on("close", end).on("error", end).pipe(other);
    }
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const url = new URL(target);
  url.hostname = "127.0.0.1";
  const address = server.address();
  url.port = String(typeof address === "object" ? address?.port : "");
  const cutAll = (): void => sockets.forEach((socket) => socket.destroy());
  return {
    url: url.href,
    cut() {
      isCut = true;
      cutAll();
    },
    mend: () => void (isCut = false),
    async [Symbol.asyncDispose]() {
      cutAll();
      server.close();
      await once(server, "close");
    },
  };
}
