import type { SqliteDatabase } from "ashlar/drivers/sqlite";

/** Everything of one kind that was done. */
export interface BookTotals {
  readonly effects: number;
  readonly amountMinor: number;
  /** Effects beyond the first for one subject: each is something done twice. */
  readonly repeated: number;
}

/** One effect, for comparing books. */
export interface BookEntry {
  readonly subject: string;
  readonly amountMinor: number;
}

export interface OutsideBooks {
  totals(kind: string): BookTotals;
  /** Whether anything of this kind was done for a subject. */
  has(kind: string, subject: string): boolean;
  /** All effects of one kind, as they were done. Streaming. */
  entries(kind: string): Iterable<BookEntry>;
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

/** Read access to what the outside world has recorded. */
export function openBooks(database: SqliteDatabase): OutsideBooks {
  return {
    totals(kind) {
      const row = database.reader.get<TotalsRow>(totals, kind);
      if (row === undefined) return { effects: 0, amountMinor: 0, repeated: 0 };
      return { effects: row.effects, amountMinor: row.amount, repeated: row.effects - row.subjects };
    },
    has: (kind, subject) => database.reader.get(one, kind, `${kind}/${subject}`) !== undefined,
    *entries(kind) {
      let after = 0;
      while (true) {
        const rows = database.reader.all<EntryRow>(page, kind, after);
        for (const row of rows) yield { subject: row.subject, amountMinor: row.amount };
        const last = rows.at(-1);
        if (last === undefined) return;
        after = last.id;
      }
    },
  };
}
