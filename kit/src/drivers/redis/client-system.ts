import type { createClient, ErrorReply } from "@redis/client";
import { UnsupportedError } from "../../errors/mod.ts";
import type { ResolvedRedis } from "./options.ts";
import type { Wire, WireClient, WireReading } from "./wire-client.ts";

type Library = { readonly createClient: typeof createClient; readonly ErrorReply: typeof ErrorReply };

/** A client of the library `@redis/client`, which is loaded here, at the first connection. It does not connect again by itself: that is the link's
 *  business. Throws UnsupportedError when the library is not installed. */
export async function makeClient(options: ResolvedRedis, attemptMaxMs: number): Promise<Wire> {
  const { createClient, ErrorReply } = await library();
  const { host, port, tls, database, application } = options;
  const client = createClient({
    RESP: 2,
    name: application,
    database,
    ...(await credentials(options)),
    socket: {
      host,
      port,
      connectTimeout: attemptMaxMs,
      reconnectStrategy: false,
      keepAliveInitialDelay: 10_000,
      ...(tls === undefined ? {} : { tls: true, ...tlsOptions(tls, host) }),
    },
    disableOfflineQueue: true,
    disableClientInfo: true,
    maintNotifications: "disabled",
    // One watch for all commands of a connection costs less than a timer for each.
    commandOptions: { timeout: 0 },
  });
  return { client: client as unknown as WireClient, isReply: (error) => error instanceof ErrorReply };
}

/** Asks for texts as bytes: the mark of a bulk string in the protocol. */
export const asBytes: WireReading = { typeMapping: { 36: Buffer } };

async function credentials({
  username,
  password,
}: ResolvedRedis): Promise<{ readonly username?: string; readonly password?: string }> {
  const secret = typeof password === "function" ? await password() : password;
  return { ...(username === undefined ? {} : { username }), ...(secret === undefined ? {} : { password: secret }) };
}

async function library(): Promise<Library> {
  try {
    return await import("@redis/client");
  } catch (error) {
    if (error instanceof Error && Reflect.get(error, "code") === "ERR_MODULE_NOT_FOUND")
      throw new UnsupportedError(
        "Redis",
        "this installation",
        "the client library is missing: npm install @redis/client",
      );
    throw error;
  }
}

function tlsOptions(tls: NonNullable<ResolvedRedis["tls"]>, host: string): object {
  // Names only: an address may not be asked for by server name indication.
  const servername = /[a-z]/i.test(host) && !host.includes(":") ? { servername: host } : {};
  if (tls === "require") return { ...servername, rejectUnauthorized: false };
  return tls === "verify" ? servername : { ...servername, ...tls };
}
