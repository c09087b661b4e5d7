import type { connect as connectType } from "amqplib";
import { UnsupportedError } from "../../errors/mod.ts";
import type { ResolvedAmqp } from "./options.ts";
import type { WireConnection } from "./wire-client.ts";
import { writeDirectly } from "./write-directly.ts";
import { writeTogether } from "./write-together.ts";

/** Connects with the library `amqplib`, which is loaded here, at the first connection. Throws UnsupportedError when it is not installed. */
export async function connectClient(options: ResolvedAmqp): Promise<WireConnection> {
  const { connect } = await library();
  const connection = await connect(await addressOf(options), {
    ...options.tls,
    // The library leaves Nagle's algorithm on: a confirmation then waits 40 ms for an acknowledgement of TCP.
    noDelay: true,
    keepAlive: true,
    // A host that does not answer must not hold up the attempts at it.
    timeout: Math.min(options.connectMaxMs, 5_000),
    clientProperties: { connection_name: options.application },
  });
  // Without a listener an error would end the process; who is concerned hears of the close.
  connection.on("error", () => undefined);
  const wire = connection as unknown as WireConnection;
  writeTogether(wire.connection.stream, (flush) => void setImmediate(flush));
  writeDirectly(wire.connection);
  return wire;
}

async function library(): Promise<{ readonly connect: typeof connectType }> {
  try {
    return (await import("amqplib")).default;
  } catch (error) {
    if (error instanceof Error && Reflect.get(error, "code") === "ERR_MODULE_NOT_FOUND")
      throw new UnsupportedError("RabbitMQ", "this installation", "the client library is missing: npm install amqplib");
    throw error;
  }
}

async function addressOf({ url, password, heartbeatSeconds }: ResolvedAmqp): Promise<string> {
  const address = new URL(url);
  if (!address.searchParams.has("heartbeat")) address.searchParams.set("heartbeat", String(heartbeatSeconds));
  if (password === undefined) return address.href;
  address.password = encodeURIComponent(typeof password === "string" ? password : await password());
  return address.href;
}
