import type * as transport from "@nats-io/transport-node";
import { UnsupportedError } from "../../errors/mod.ts";
import type { ResolvedNats } from "./options.ts";
import type { Wire, WireConnection } from "./wire-client.ts";

type Library = Pick<
  typeof transport,
  "connect" | "headers" | "credsAuthenticator" | "tokenAuthenticator" | "usernamePasswordAuthenticator"
>;

/** How long the first attempt may take, and how long each later one waits before it is made. */
export interface Attempts {
  readonly firstMaxMs: number;
  readonly pauseMs: () => number;
}

/** A connection of the library `@nats-io/transport-node`, which is loaded here. Throws UnsupportedError when it is not installed. */
export async function makeConnection(options: ResolvedNats, attempts: Attempts): Promise<Wire> {
  const client = await library();
  const { servers, application, tls } = options;
  const authenticator = authenticatorOf(client, options);
  const connection = await client.connect({
    servers: [...servers],
    name: application,
    timeout: attempts.firstMaxMs,
    reconnect: true,
    maxReconnectAttempts: -1,
    // A password may be right again; the owner closes the connection when it has had enough.
    ignoreAuthErrorAbort: true,
    reconnectDelayHandler: attempts.pauseMs,
    pingInterval: 10_000,
    maxPingOut: 2,
    ...(authenticator === undefined ? {} : { authenticator }),
    ...(tls === undefined ? {} : { tls: tls === "verify" ? {} : { ...tls } }),
  });
  return { connection: connection as unknown as WireConnection, makeHeaders: () => client.headers() };
}

function authenticatorOf(client: Library, { user, password, token, credentials }: ResolvedNats) {
  if (credentials !== undefined) return client.credsAuthenticator(new TextEncoder().encode(credentials));
  if (token !== undefined) return client.tokenAuthenticator(token);
  return user === undefined ? undefined : client.usernamePasswordAuthenticator(user, password);
}

async function library(): Promise<Library> {
  try {
    return await import("@nats-io/transport-node");
  } catch (error) {
    if (error instanceof Error && Reflect.get(error, "code") === "ERR_MODULE_NOT_FOUND")
      throw new UnsupportedError(
        "NATS",
        "this installation",
        "the client library is missing: npm install @nats-io/transport-node",
      );
    throw error;
  }
}
