import type { PreparingSession } from "../../drivers/sqlite/mod.ts";
import { insertRows, type RowsText } from "./row-batch.ts";

type Prepared = ReturnType<PreparingSession["prepare"]>;

/**
 * Every statement of the hot paths, prepared once on the writing connection, when it is first used. State numbers are those of schema.ts.
 *
 * Two values are never bound bare, because SQLite's planner looks at them and prepares the statement anew whenever they are bound,
 * which costs ten times its execution: limits (hence `limit ?+0`) and what a partial index asks for (hence states in the text).
 */
export type Statements = { readonly [Name in keyof typeof texts]: Prepared };

/** Not all at once: that is a fifth of an opening, and most files never need most of them. */
export function prepareStatements(session: PreparingSession): Statements {
  const statements = {};
  for (const [name, text] of Object.entries(texts)) {
    const get = (): Prepared => {
      const value = session.prepare(text);
      if (arrays.has(name)) value.setReturnArrays(true);
      Object.defineProperty(statements, name, { value });
      return value;
    };
    Object.defineProperty(statements, name, { configurable: true, get });
  }
  return statements as Statements;
}

/** Claims carry many rows of many columns: arrays cost half of objects. */
const arrays: ReadonlySet<string> = new Set<keyof typeof texts>([
  "claimReady",
  "claimSuspects",
  "ackKeyed",
  "isHeld",
  "isAdmitted",
  "cell",
  "lastCell",
]);

/** New ready messages: id, queue, lane, seq, time of enqueue, body. */
export const addMessages: RowsText = insertRows(
  "insert into ashlar_message(id, queue, state, lane, seq, enqueued_at, body)",
  "(?, ?, 0, ?, ?, ?, ?)",
);

/** New messages of any state: id, queue, state, lane, seq, due, token and attempt, owner, admitted, time of enqueue, key, headers, body. */
export const addFullMessages: RowsText = insertRows(
  "insert into ashlar_message(id, queue, state, lane, seq, due, token, attempt, owner, admitted, enqueued_at, key, headers, body)",
  "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
);

/** Running messages that are acknowledged, by id. */
export const acknowledgeMessages: RowsText = (rows) =>
  `delete from ashlar_message where id in (${Array.from({ length: rows }, () => "?").join(", ")}) and state = 2`;

/** Events: ref, log, stream, version, slot, schema, time, type, meta, data. */
export const addEvents: RowsText = insertRows(
  "insert into ashlar_event(ref, log, stream, version, slot, schema, recorded_at, type, meta, data)",
  "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
);

/** What is remembered under dedup keys: queue, key, message, expiry. */
export const saveDedups: RowsText = insertRows(
  "insert into ashlar_dedup(queue, key, message, expires_at)",
  "(?, ?, ?, ?)",
  " on conflict(queue, key) do update set message = excluded.message, expires_at = excluded.expires_at",
);

/** Inbox entries: consumer, id, expiry. */
export const saveSeen: RowsText = insertRows(
  "insert into ashlar_seen(consumer, id, expires_at)",
  "(?, ?, ?)",
  " on conflict(consumer, id) do update set expires_at = excluded.expires_at",
);

/** Cells, new or not: space, key, version, expiry, value. */
export const saveCells: RowsText = insertRows(
  "insert into ashlar_cell(space, key, version, expires_at, value)",
  "(?, ?, ?, ?, ?)",
  ` on conflict(space, key) do update
    set version = excluded.version, expires_at = excluded.expires_at, value = excluded.value`,
);

const texts = {
  head: "select last_id, last_seq, revision from ashlar_head where id = 1",
  saveHead: "update ashlar_head set last_id = ?, last_seq = ?, revision = ? where id = 1",

  queue: `select id, flow, ready, suspect, running, delayed, waiting, dead,
    exists(select 1 from ashlar_concurrency c where c.queue = q.id) as concurrencies from ashlar_queue q where name = ?`,
  addQueue: "insert into ashlar_queue(name) values (?) returning id",
  saveQueue: `update ashlar_queue set flow = ?, ready = ?, suspect = ?, running = ?, delayed = ?, waiting = ?, dead = ? where id = ?`,

  ackKeyed: "delete from ashlar_message where id = ? and queue = ? and token = ? and state = 2 returning key",
  isHeld: "select key from ashlar_message where id = ? and queue = ? and token = ? and state = 2",
  held: `select id, state, lane, seq, due, token, attempt, crashes, woken, key, failures from ashlar_message where id = ? and queue = ? and token = ? and state = 2`,
  message: `select id, state, lane, seq, due, token, attempt, crashes, woken, key, failures from ashlar_message where id = ? and queue = ?`,
  place: `update ashlar_message set state = ?, seq = ?, due = ?, attempt = ?, crashes = ?, woken = 0, failures = ? where id = ?`,
  bury: `update ashlar_message set state = 5, due = null, admitted = 0, attempt = ?, crashes = ?, woken = 0, failures = ?, reason = ?, died_at = ?
    where id = ?`,
  redrive: `update ashlar_message set state = ?, admitted = ?, seq = ?, attempt = 0, crashes = 0, reason = null, died_at = null where id = ?`,
  start: "update ashlar_message set state = ?, due = ?, admitted = 1 where id = ?",
  mature: "update ashlar_message set state = 0, seq = ?, due = null where id = ?",
  markWoken: "update ashlar_message set woken = 1 where id = ?",
  remove: "delete from ashlar_message where id = ?",
  extend: "update ashlar_message set due = ? where id = ? and queue = ? and token = ? and state = 2",

  firstDelayed: "select due from ashlar_message where queue = ? and state = 3 and due is not null order by due limit 1",
  firstRunning: "select due from ashlar_message where queue = ? and state = 2 and due is not null order by due limit 1",
  matured: `select id from ashlar_message where queue = ? and state = 3 and due is not null and due <= ? order by due, id limit ?+0`,
  lapsed: `select id, state, lane, seq, due, token, attempt, crashes, woken, key, failures from ashlar_message where queue = ? and state = 2 and due is not null and due <= ? order by due, id limit ?+0`,
  claimReady: `update ashlar_message set state = 2, attempt = attempt + 1, token = token + 1, due = ?, owner = ?, woken = 0
    where id in (select id from ashlar_message where queue = ? and state = 0 order by lane, seq limit ?+0) returning id, lane, seq, token, attempt, crashes, enqueued_at, key, failures, headers, body`,
  claimSuspects: `update ashlar_message set state = 2, attempt = attempt + 1, token = token + 1, due = ?, owner = ?, woken = 0
    where id in (select id from ashlar_message where queue = ? and state = 1 order by lane, seq limit ?+0) returning id, lane, seq, token, attempt, crashes, enqueued_at, key, failures, headers, body`,
  endLeases: `update ashlar_message set due = 0 where queue = ? and state = 2 and due is not null and owner = ?`,

  isAdmitted: "select 1 from ashlar_message where queue = ? and key = ? and admitted = 1 limit 1",
  countAdmitted: `select count(*) as admitted from
    (select 1 from ashlar_message where queue = ? and key = ? and admitted = 1 limit ?+0)`,
  concurrency: "select concurrency from ashlar_concurrency where queue = ? and key = ?",
  hasConcurrencies: "select 1 from ashlar_concurrency where queue = ? limit 1",
  saveConcurrency: `insert into ashlar_concurrency(queue, key, concurrency) values (?, ?, ?)
    on conflict(queue, key) do update set concurrency = excluded.concurrency`,
  dropConcurrency: "delete from ashlar_concurrency where queue = ? and key = ?",
  nextWaiting: `select id, due from ashlar_message where queue = ? and key = ? and state = 4 order by seq limit 1`,

  dedup: "select message from ashlar_dedup where queue = ? and key = ? and expires_at > ?",

  log: "select id, head, recorded_at from ashlar_log where name = ?",
  addLog: "insert into ashlar_log(name) values (?) returning id",
  saveLog: "update ashlar_log set head = ?, recorded_at = ? where id = ?",
  version: "select version from ashlar_event where log = ? and stream = ? order by version desc limit 1",

  cell: "select version, expires_at from ashlar_cell where space = ? and key = ?",
  lastCell: "select key from ashlar_cell where space = ? order by key desc limit 1",
  dropCell: "delete from ashlar_cell where space = ? and key = ?",

  seen: "select 1 from ashlar_seen where consumer = ? and id = ? and expires_at > ?",

  expireDedup: `delete from ashlar_dedup where (queue, key) in
    (select queue, key from ashlar_dedup where expires_at <= ? order by expires_at limit ?+0)`,
  expireSeen: `delete from ashlar_seen where (consumer, id) in
    (select consumer, id from ashlar_seen where expires_at <= ? order by expires_at limit ?+0)`,
  expireCells: `delete from ashlar_cell where (space, key) in
    (select space, key from ashlar_cell where expires_at is not null and expires_at <= ? order by expires_at limit ?+0)`,

  addInstance: "insert into ashlar_instance(id, pid, started, boot, namespace, opened_at) values (?, ?, ?, ?, ?, ?)",
  forgetInstances: "delete from ashlar_instance where boot <> ? or (namespace <> ? and opened_at < ?)",
  dropInstance: "delete from ashlar_instance where id = ?",
  instances: "select id, pid, started, boot, namespace from ashlar_instance",
  busyQueues: "select name from ashlar_queue where running > 0",
} as const;
