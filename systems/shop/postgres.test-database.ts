import { connect } from "node:net";
import process from "node:process";
import { openPostgres } from "ashlar/drivers/postgres";
import { systemRandom } from "ashlar/random";
import type { TestContext } from "vitest";

/** The database that the shop's own tests use. */
export const databaseUrl: string = process.env["ASHLAR_POSTGRES"] ?? "postgres://postgres@127.0.0.1:5432/test";

const isReachable: Promise<boolean> = new Promise((resolve) => {
  const { hostname, port } = new URL(databaseUrl);
  const socket = connect({ host: hostname, port: Number(port || 5432) });
  socket.on("connect", () => resolve(socket.destroy() && true)).on("error", () => resolve(false));
});

/** Skips the test, with the reason, where there is no server; in continuous integration it fails. */
export async function needsDatabase(context: TestContext): Promise<void> {
  if ((await isReachable) || process.env["CI"] !== undefined) return;
  context.skip(`no PostgreSQL at ${new URL(databaseUrl).host}; set ASHLAR_POSTGRES to the address of one`);
}

/** A namespace that no other test has; its schemas are dropped at the end. */
export function freshNamespace(url: string = databaseUrl): AsyncDisposable & { readonly name: string } {
  const name = `shop_${process.pid}_${systemRandom.integer(0, 2 ** 40)}`;
  return { name, [Symbol.asyncDispose]: () => dropSchemas(url, name) };
}

async function dropSchemas(url: string, start: string): Promise<void> {
  const own = `${start}_drop`;
  await using database = await openPostgres({ url, schema: own });
  const { rows } = await database.query<{ readonly nspname: string }>(
    "select nspname from pg_namespace where starts_with(nspname, $1) order by nspname = $2",
    [start, own],
  );
  for (const { nspname } of rows) await database.query(`drop schema ${nspname} cascade`);
}
