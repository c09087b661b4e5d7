import type { Client } from "pg";
import { UnsupportedError } from "../../errors/mod.ts";
import type { ResolvedPostgres } from "./options.ts";
import type { WireClient } from "./wire-client.ts";

/** Connects to one of the servers with the library `pg`, which is loaded here, at the first connection. Throws UnsupportedError when it is not installed. */
export async function connectClient(options: ResolvedPostgres, url: string): Promise<WireClient> {
  const { Client } = await library();
  const client = new Client({
    connectionString: await addressWith(options, url),
    application_name: options.application,
    // A host that does not answer must not hold up the attempts at it.
    connectionTimeoutMillis: Math.min(options.connectMaxMs, 5_000),
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
    options: settingsText(options.settings),
    ...(options.tls === undefined ? {} : { ssl: tlsOptions(options.tls) }),
  });
  // Faults while it connects reject below; without a listener they would end the process.
  client.on("error", () => undefined);
  const wire = client as unknown as WireClient;
  try {
    await client.connect();
  } catch (error) {
    // The library leaves the socket open where it is itself that gives up, and an open socket keeps the process alive.
    wire.connection.stream.destroy();
    throw error;
  }
  return wire;
}

/** What the address says goes before every other option of the library, so what is given instead is put into it. */
async function addressWith({ password, tls }: ResolvedPostgres, url: string): Promise<string> {
  if (password === undefined && tls === undefined) return url;
  const address = new URL(url);
  if (tls !== undefined) for (const name of ["ssl", "sslmode"]) address.searchParams.delete(name);
  if (password !== undefined)
    address.password = encodeURIComponent(typeof password === "function" ? await password() : password);
  return address.href;
}

async function library(): Promise<{ readonly Client: typeof Client }> {
  try {
    return (await import("pg")).default;
  } catch (error) {
    if (error instanceof Error && Reflect.get(error, "code") === "ERR_MODULE_NOT_FOUND")
      throw new UnsupportedError("PostgreSQL", "this installation", "the client library is missing: npm install pg");
    throw error;
  }
}

function settingsText(settings: Readonly<Record<string, string>>): string {
  return Object.entries(settings)
    .map(([name, value]) => `-c ${name}=${value.replaceAll(/[\\ ]/g, String.raw`\$&`)}`)
    .join(" ");
}

function tlsOptions(tls: NonNullable<ResolvedPostgres["tls"]>): boolean | object {
  if (tls === "off") return false;
  if (tls === "require") return { rejectUnauthorized: false };
  return tls === "verify" ? true : tls;
}
