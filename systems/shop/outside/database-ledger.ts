import { openPostgres, type PostgresDatabase, type PostgresTransaction } from "ashlar/drivers/postgres";
import type { OutsideBooks, OutsideLedger, Performed } from "./books.ts";
import type { Fate } from "./faults.ts";
import type { OutsideRequest } from "./request.ts";
import { farReplyMs } from "./service.ts";

/** Where the ledgers of the companies are. */
export interface LedgerPlace {
  readonly url: string;
  /** Of this company alone. */
  readonly schema: string;
  /** What is done must be as safe as the shop's record of it. */
  readonly durability: "process" | "disk" | "replicated";
}

const tables = `create table effect (
    id bigint generated always as identity primary key, kind text not null, subject text not null, key text not null unique,
    amount_minor bigint not null);
  create table outage (key text primary key, attempts integer not null);`;

/** Connections of one process to one company's ledger. */
const connectionsMax = 2;

/** A ledger in a schema of a PostgreSQL database: one company, however many processes on however many machines ask it. */
export async function openDatabaseLedger({ url, schema, durability }: LedgerPlace): Promise<OutsideLedger> {
  const settings = { search_path: schema, synchronous_commit: durability === "process" ? "off" : "on" };
  const database = await openPostgres({ url, schema, settings, connectionsMax, application: "shop outside" });
  try {
    await database.migrate("outside", [{ name: "books", sql: tables, older: "run" }]);
  } catch (error) {
    await database[Symbol.asyncDispose]();
    throw error;
  }
  return {
    books: booksIn(database),
    replyWithinMs: farReplyMs,
    perform: (request, fate) => perform(database, request, fate),
    [Symbol.asyncDispose]: () => database[Symbol.asyncDispose](),
  };
}

interface IdRow {
  readonly id: string;
}

const findEffect = "select id from effect where key = $1";
// Of two at once, one waits for the other and then finds it done.
const addEffect = `insert into effect (kind, subject, key, amount_minor) values ($1, $2, $3, $4)
  on conflict (key) do nothing returning id`;
const countOutage = `insert into outage (key, attempts) values ($1, 1)
  on conflict (key) do update set attempts = outage.attempts + 1 returning attempts`;

async function perform(database: PostgresDatabase, request: OutsideRequest, fate: Fate): Promise<Performed> {
  const { key } = request;
  if (fate.outages === 0 && fate.refusal === undefined) return await done(database, request);
  const known = await database.query<IdRow>(findEffect, [key]);
  if (known.rows[0] !== undefined) return { status: "done", id: Number(known.rows[0].id), execution: "repeated" };
  if (fate.outages > 0) {
    const { rows } = await database.query<{ readonly attempts: number }>(countOutage, [key]);
    if ((rows[0]?.attempts ?? 1) <= fate.outages) return { status: "outage" };
  }
  if (fate.refusal !== undefined) return { status: "refused", reason: fate.refusal };
  return await done(database, request);
}

async function done(
  sql: Pick<PostgresTransaction, "query">,
  { kind, subject, key, amountMinor }: OutsideRequest,
): Promise<Performed> {
  const added = await sql.query<IdRow>(addEffect, [kind, subject, key, amountMinor]);
  if (added.rows[0] !== undefined) return { status: "done", id: Number(added.rows[0].id), execution: "first" };
  const { rows } = await sql.query<IdRow>(findEffect, [key]);
  return { status: "done", id: Number(rows[0]?.id), execution: "repeated" };
}

interface TotalsRow {
  readonly effects: string;
  readonly amount: string;
  readonly subjects: string;
}

interface EntryRow {
  readonly id: string;
  readonly subject: string;
  readonly amount: string;
}

const totals = `select count(*) as effects, coalesce(sum(amount_minor), 0) as amount, count(distinct subject) as subjects
  from effect where kind = $1`;
const one = "select id from effect where kind = $1 and key = $2";
const page =
  "select id, subject, amount_minor as amount from effect where kind = $1 and id > $2 order by id limit 1000";

function booksIn(database: PostgresDatabase): OutsideBooks {
  return {
    async totals(kind) {
      const { rows } = await database.query<TotalsRow>(totals, [kind]);
      const effects = Number(rows[0]?.effects);
      return { effects, amountMinor: Number(rows[0]?.amount), repeated: effects - Number(rows[0]?.subjects) };
    },
    async has(kind, subject) {
      const { rows } = await database.query(one, [kind, `${kind}/${subject}`]);
      return rows.length > 0;
    },
    async *entries(kind) {
      for (let after = "0"; ;) {
        const { rows } = await database.query<EntryRow>(page, [kind, after]);
        for (const row of rows) yield { subject: row.subject, amountMinor: Number(row.amount) };
        const last = rows.at(-1);
        if (last === undefined) return;
        after = last.id;
      }
    },
  };
}
