import { connect } from "node:net";
import { NatsError, type NatsFault } from "./nats-error.ts";
import type { ResolvedNats } from "./options.ts";

const defaultPort = 4222;

/**
 * Whether the server greets as NATS does, with `INFO`. The client library waits for that on a socket which it never closes when it does not
 * come, so that a wrong port would hold the process for ever. Asked of a single server without TLS: of several one may be away, and with TLS the server
 * may wait for the client to begin. Rejects with NatsError when something else is said (`other`) or nothing in time (`connection`: it may hang).
 */
export async function expectGreeting(
  { clock, servers, tls }: Pick<ResolvedNats, "clock" | "servers" | "tls">,
  withinMs: number,
): Promise<void> {
  const [server = "", ...others] = servers;
  if (others.length > 0 || tls !== undefined) return;
  const { hostname, port } = new URL(`nats://${server}`);
  const socket = connect({ host: hostname.replace(/^\[|\]$/g, ""), port: Number(port) || defaultPort });
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  let said = "";
  socket.on("data", (data) => {
    said += data.toString("latin1");
    if (said.startsWith("INFO ")) resolve();
    else if (said.length >= 5) reject(stranger(server, "other"));
  });
  // A server that cannot be reached is the library's to tell.
  socket.on("error", () => resolve());
  socket.on("close", () => resolve());
  const timer = clock.setTimer(withinMs, () => reject(stranger(server, "connection")));
  try {
    await promise;
  } finally {
    timer.cancel();
    socket.destroy();
  }
}

function stranger(server: string, reason: NatsFault): NatsError {
  return new NatsError(
    reason,
    `connecting: what listens at ${server} does not greet as a NATS server does; is the port right?`,
  );
}
