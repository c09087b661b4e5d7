import process from "node:process";
import { systemRandom } from "../../random/mod.ts";
import { type CuttingProxy, proxyBefore } from "../cutting-proxy.test-server.ts";
import { type Presence, presenceOf } from "../network.test-server.ts";
import { openPostgres, type PostgresDatabase, type PostgresOptions } from "./mod.ts";

const port = 5432;

/** The server that the real tests use. */
export const serverUrl: string = process.env["ASHLAR_POSTGRES"] ?? `postgres://postgres@127.0.0.1:${port}/test`;

export const { absent, needsServer }: Presence = presenceOf({
  url: serverUrl,
  port,
  name: "PostgreSQL",
  variable: "ASHLAR_POSTGRES",
});

/** A name for a schema that no other test, and no other process of tests, has. */
export function freshSchema(): string {
  return `test_${process.pid}_${systemRandom.integer(0, 2 ** 48)}`;
}

/** Opens a database with a schema of its own, which is dropped at the end. */
export async function openFresh(options: Partial<PostgresOptions> = {}): Promise<PostgresDatabase> {
  const schema = options.schema ?? freshSchema();
  const database = await openPostgres({ url: serverUrl, ...options, schema });
  const close = database[Symbol.asyncDispose].bind(database);
  return Object.assign(database, {
    [Symbol.asyncDispose]: async () => {
      await close();
      await dropSchema(schema);
    },
  });
}

/** Removes a schema with all that is in it. */
export async function dropSchema(schema: string): Promise<void> {
  const schemaOfDriver = `${schema}_drop`.slice(-60);
  await using database = await openPostgres({ url: serverUrl, schema: schemaOfDriver });
  await database.query(`drop schema if exists ${schema} cascade; drop schema ${schemaOfDriver} cascade`);
}

/** Removes all schemas whose names begin so. */
export async function dropSchemas(start: string): Promise<void> {
  const own = `${start}_drop`;
  {
    await using database = await openPostgres({ url: serverUrl, schema: own });
    const { rows } = await database.query<{ readonly nspname: string }>(
      "select nspname from pg_namespace where starts_with(nspname, $1) and nspname <> $2",
      [`${start}_`, own],
    );
    for (const { nspname } of rows) await database.query(`drop schema ${nspname} cascade`);
  }
  await dropSchema(own);
}

/** The message behind which the server answers and says that it is ready. */
const sync = "S\0\0\0\u0004";

/** Starts a proxy before the server of the tests. */
export function cuttingProxy(target: string = serverUrl): Promise<CuttingProxy> {
  return proxyBefore(target, port, sync);
}
