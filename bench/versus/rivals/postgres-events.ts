import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

import { getPostgreSQLEventStore } from "@event-driven-io/emmett-postgresql";
import pg from "pg";

import { lanes, payload, servers, type Figure } from "../frame.ts";

const placed = (index: number) => ({ type: "Placed" as const, data: payload(index) });

/** In a schema of its own, which is dropped before. */
export async function emmettOnPostgres(): Promise<Figure> {
  const schema = "versus_emmett";
  await onServer(`drop schema if exists ${schema} cascade; create schema ${schema}`);
  const url = new URL(servers.postgres);
  url.searchParams.set("options", `-c search_path=${schema}`);
  const store = getPostgreSQLEventStore(url.href);
  try {
    await store.schema.migrate();
    const append = (index: number): Promise<unknown> =>
      store.appendToStream(`order-${index}`, [placed(index)], { expectedStreamVersion: 0n });
    await lanes(300, 64, append);
    const value = await lanes(4_000, 64, (index) => append(index + 1_000_000));
    return { name: "Emmett 0.42, PostgreSQL", durability: "disk", value };
  } finally {
    await store.close();
  }
}

const files = [
  "schema/message-store",
  "tables/messages",
  "types/message",
  ...["hash-64", "acquire-lock", "category", "is-category", "id", "cardinal-id", "stream-version", "write-message"].map(
    (name) => `functions/${name}`,
  ),
  ...["messages-id", "messages-stream", "messages-category"].map((name) => `indexes/${name}`),
];

/** Its own functions over as many connections as bring it most. Its schema is dropped before. */
export async function messageDb(): Promise<Figure> {
  const folder = dirname(createRequire(import.meta.url).resolve("@eventide/message-db/package.json"));
  const sql = files.map((file) =>
    readFileSync(join(folder, "database", `${file}.sql`), "utf8").replaceAll(" CONCURRENTLY", ""),
  );
  await onServer("drop schema if exists message_store cascade", ...sql);
  const pool = new pg.Pool({
    connectionString: servers.postgres,
    max: 16,
    options: "-c search_path=message_store,public",
  });
  try {
    const text = "select write_message($1, $2, $3, $4, null, $5)";
    const append = (index: number): Promise<unknown> => {
      const { type, data } = placed(index);
      return pool.query({ name: "write", text, values: [randomUUID(), `order-${index}`, type, data, -1] });
    };
    await lanes(500, 64, append);
    const value = await lanes(8_000, 64, (index) => append(index + 1_000_000));
    return { name: "message-db 1.3, PostgreSQL, 16 connections", durability: "disk", value };
  } finally {
    await pool.end();
  }
}

async function onServer(...statements: readonly string[]): Promise<void> {
  const client = new pg.Client({ connectionString: servers.postgres });
  await client.connect();
  try {
    for (const statement of statements) await client.query(statement);
  } finally {
    await client.end();
  }
}
