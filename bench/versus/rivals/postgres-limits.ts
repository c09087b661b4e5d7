import pg from "pg";

import { payload, servers, type Figure } from "../frame.ts";

const body = JSON.stringify(payload(123_456));

/** One connection, one prepared single-row insert a commit. */
export async function rawSingleCommits(count = 3000): Promise<Figure> {
  return withTable(async (client) => {
    const insert = { name: "one", text: "insert into versus_raw(body) values ($1)", values: [body] };
    const startedMs = performance.now();
    for (let index = 0; index < count; index += 1) await client.query(insert);
    const value = count / ((performance.now() - startedMs) / 1000);
    return { name: "pg, one row a commit, one connection", durability: "disk", value };
  });
}

/** One connection, 64 rows a commit: what perfect grouping of 64 callers could reach without any bookkeeping. */
export async function rawGroupedCommits(count = 64_000): Promise<Figure> {
  return withTable(async (client) => {
    const bodies = Array.from({ length: 64 }, () => body);
    const insert = { name: "many", text: "insert into versus_raw(body) select unnest($1::text[])", values: [bodies] };
    const startedMs = performance.now();
    for (let index = 0; index < count; index += 64) await client.query(insert);
    const value = count / ((performance.now() - startedMs) / 1000);
    return { name: "pg, 64 rows a commit, one connection", durability: "disk", value };
  });
}

async function withTable(measure: (client: pg.Client) => Promise<Figure>): Promise<Figure> {
  const client = new pg.Client({ connectionString: servers.postgres });
  await client.connect();
  try {
    await client.query("drop table if exists versus_raw");
    await client.query(
      "create table versus_raw(id bigint generated always as identity primary key, body text not null)",
    );
    return await measure(client);
  } finally {
    await client.end();
  }
}
