import type { PostgresSql } from "ashlar/engine/postgres";
import type { SqliteSql } from "ashlar/engine/sqlite";

/** What a statement's own tables hold here. */
export type ShopValue = string | number;

/** Rows that are added, or added to those that are there. */
export interface Upsert {
  /** `insert into sales_day` */
  readonly into: string;
  /** `on conflict (day) do update set …`; may be empty. */
  readonly otherwise: string;
  readonly rows: readonly (readonly ShopValue[])[];
}

/** Reading statements on a service's own tables that both engines understand. Values stand as `?`; whole numbers of PostgreSQL come as text,
 *  so read them with `Number`. */
export interface ReadSql {
  all<Row>(text: string, ...values: readonly ShopValue[]): Promise<readonly Row[]>;
  /** Whether the text `column` holds the value: an expression with one `?`. */
  holds(column: string): string;
}

/** Writing statements, too. */
export interface ShopSql extends ReadSql {
  /** No two rows may be the same one. Rows are locked in their order: sort them, so that transactions do not wait in a circle. */
  upsert(upsert: Upsert): Promise<void>;
}

/** The statements of a transaction. */
export function shopSql(sql: PostgresSql | SqliteSql): ShopSql {
  return "query" in sql ? onPostgres(sql) : onSqlite(sql);
}

/** The statements of an engine outside of transactions. */
export function readSql(sql: PostgresSql | Pick<SqliteSql, "all" | "get">): ReadSql {
  return "query" in sql ? onPostgres(sql) : readOnSqlite(sql);
}

function readOnSqlite(sql: Pick<SqliteSql, "all">): ReadSql {
  return {
    all: <Row>(text: string, ...values: readonly ShopValue[]) => Promise.resolve(sql.all<Row>(text, ...values)),
    holds: (column) => `instr(${column}, ?) > 0`,
  };
}

function onSqlite(sql: SqliteSql): ShopSql {
  return {
    ...readOnSqlite(sql),
    upsert({ into, otherwise, rows }) {
      const [first] = rows;
      if (first !== undefined && rows.length === 1) sql.run(`${into} values (${marks(first)}) ${otherwise}`, ...first);
      // One prepared statement for any number of rows: each execution has a price of its own.
      else if (first !== undefined) {
        const columns = first.map((_, index) => `value ->> ${index}`).join(", ");
        sql.run(`${into} select ${columns} from json_each(?) where true ${otherwise}`, JSON.stringify(rows));
      }
      return Promise.resolve();
    },
  };
}

/** Values of one statement; the protocol takes 65,535. */
const valuesMax = 30_000;

function onPostgres(sql: PostgresSql): ShopSql {
  return {
    async all<Row>(text: string, ...values: readonly ShopValue[]) {
      const { rows } = await sql.query<Row>(numbered(text), values);
      return rows;
    },
    // One round trip for many rows.
    async upsert({ into, otherwise, rows }) {
      const atOnce = Math.max(1, Math.floor(valuesMax / (rows[0]?.length ?? 1)));
      for (let from = 0; from < rows.length; from += atOnce) {
        const some = rows.slice(from, from + atOnce);
        const text = `${into} values ${some.map((row) => `(${marks(row)})`).join(", ")} ${otherwise}`;
        await sql.query(numbered(text), some.flat());
      }
    },
    holds: (column) => `strpos(${column}, ?) > 0`,
  };
}

function marks(row: readonly ShopValue[]): string {
  return row.map(() => "?").join(", ");
}

function numbered(text: string): string {
  let number = 0;
  return text.replaceAll("?", () => `$${(number += 1)}`);
}
