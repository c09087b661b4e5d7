import { openSqlite, type SqliteDatabase, type SqliteOptions, type SqliteSession } from "ashlar/drivers/sqlite";
import type { OutsideBooks, OutsideLedger, Performed } from "./books.ts";
import type { Fate } from "./faults.ts";
import type { OutsideRequest } from "./request.ts";
import { nearReplyMs } from "./service.ts";

const tables = `create table effect (
    id integer primary key, kind text not null, subject text not null, key text not null unique, amount_minor integer not null
  ) strict;
  create table outage (key text primary key, attempts integer not null) strict, without rowid;`;

/** A ledger in a SQLite file of its own. */
export async function openFileLedger(options: Pick<SqliteOptions, "path" | "clock">): Promise<OutsideLedger> {
  const database = await openSqlite({ ...options, durability: "process" });
  await database.migrate("outside", [{ name: "books", sql: tables }]);
  return {
    books: booksIn(database),
    replyWithinMs: nearReplyMs,
    perform: (request, fate) => database.group((sql) => perform(sql, request, fate)),
    [Symbol.asyncDispose]: () => database[Symbol.asyncDispose](),
  };
}

const findEffect = "select id from effect where key = ?";
const addEffect = "insert into effect (kind, subject, key, amount_minor) values (?, ?, ?, ?)";
const countOutage = `insert into outage (key, attempts) values (?, 1)
  on conflict (key) do update set attempts = attempts + 1 returning attempts`;

function perform(sql: SqliteSession, request: OutsideRequest, fate: Fate): Performed {
  const { kind, subject, key, amountMinor } = request;
  const known = sql.get<{ readonly id: number }>(findEffect, key);
  if (known !== undefined) return { status: "done", id: known.id, execution: "repeated" };
  if (fate.outages > 0) {
    const attempts = sql.get<{ readonly attempts: number }>(countOutage, key)?.attempts ?? 1;
    if (attempts <= fate.outages) return { status: "outage" };
  }
  if (fate.refusal !== undefined) return { status: "refused", reason: fate.refusal };
  const { lastInsertRowid: id } = sql.run(addEffect, kind, subject, key, amountMinor);
  return { status: "done", id, execution: "first" };
}

interface TotalsRow {
  readonly effects: number;
  readonly amount: number;
  readonly subjects: number;
}

interface EntryRow {
  readonly id: number;
  readonly subject: string;
  readonly amount: number;
}

const totals = `select count(*) as effects, coalesce(sum(amount_minor), 0) as amount, count(distinct subject) as subjects
  from effect where kind = ?`;
// Keys are made of kind and subject, and have an index.
const one = "select id from effect where kind = ? and key = ?";
const page = "select id, subject, amount_minor as amount from effect where kind = ? and id > ? order by id limit 1000";

function booksIn({ reader }: SqliteDatabase): OutsideBooks {
  return {
    totals(kind) {
      const { effects, amount, subjects } = reader.get<TotalsRow>(totals, kind) ?? {
        effects: 0,
        amount: 0,
        subjects: 0,
      };
      return Promise.resolve({ effects, amountMinor: amount, repeated: effects - subjects });
    },
    has: (kind, subject) => Promise.resolve(reader.get(one, kind, `${kind}/${subject}`) !== undefined),
    // Files answer at once; databases elsewhere do not.
    async *entries(kind) {
      let after = 0;
      while (true) {
        const rows = reader.all<EntryRow>(page, kind, after);
        for (const row of rows) yield { subject: row.subject, amountMinor: row.amount };
        const last = rows.at(-1);
        if (last === undefined) return;
        after = last.id;
      }
    },
  };
}
