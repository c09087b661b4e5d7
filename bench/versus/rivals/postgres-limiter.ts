import pg from "pg";

import { servers } from "../frame.ts";

// As our store's default: what was taken survives the process, and the server may lose the last moments.
const settings = { connectionString: servers.postgres, options: "-c synchronous_commit=off" };
const table = "versus_flexible";

/** A schema without tables, for our store. */
export async function freshLimits(): Promise<string> {
  await withClient((client) => client.query("drop schema if exists versus_limits cascade"));
  return "versus_limits";
}

/** rate-limiter-flexible on a table of its own, over a pool of ten connections. */
export async function flexibleOnPostgres() {
  const { RateLimiterPostgres } = await import("rate-limiter-flexible");
  await withClient((client) => client.query(`drop table if exists ${table}`));
  const storeClient = new pg.Pool({ ...settings, max: 10 });
  const limit = await new Promise<InstanceType<typeof RateLimiterPostgres>>((resolve, reject) => {
    const options = { storeClient, tableName: table, points: 1e9, duration: 3_600 };
    const made = new RateLimiterPostgres(options, (error?: unknown) =>
      error === undefined ? resolve(made) : reject(error),
    );
  });
  return {
    consume: async (key: string): Promise<number> => (await limit.consume(key)).remainingPoints,
    [Symbol.asyncDispose]: () => storeClient.end(),
  };
}

/** Takes a second of the least that a commit for 64 takes can be: a number a key, and one statement after another. */
export async function bareTakes(keysOf: (from: number) => readonly string[], count = 64_000): Promise<number> {
  return withClient(async (client) => {
    await client.query("drop table if exists versus_bare");
    await client.query("create table versus_bare(key text primary key, taken bigint not null) with (fillfactor = 50)");
    const text = `insert into versus_bare select key, count(*) from unnest($1::text[]) as k(key) group by key order by key
      on conflict (key) do update set taken = versus_bare.taken + excluded.taken returning taken`;
    const take = (from: number) => client.query({ name: "take", text, values: [keysOf(from)] });
    for (let from = 0; from < count; from += 64) await take(from);
    const startedMs = performance.now();
    for (let from = 0; from < count; from += 64) await take(from);
    return count / ((performance.now() - startedMs) / 1000);
  });
}

async function withClient<T>(work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client(settings);
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}
