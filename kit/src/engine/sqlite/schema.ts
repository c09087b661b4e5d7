import type { MigrationStep } from "../../drivers/sqlite/mod.ts";

/** Message states as stored. */
export const ready = 0;
export const suspect = 1;
export const running = 2;
export const delayed = 3;
export const waiting = 4;
export const dead = 5;

/** Names of the states by their stored number. */
export const stateNames = ["ready", "suspect", "running", "delayed", "waiting", "dead"] as const;

// Every message is in exactly one small index: the one of its state. `due` is set for delayed and running messages, and for
// waiting ones whose delay still runs. An event's rowid is its log and position in one number, so that appends only ever touch
// the last page of the table.
const firstStep = `
create table ashlar_head(
  id integer primary key check (id = 1),
  last_id integer not null, last_seq integer not null, revision integer not null) strict;
insert into ashlar_head values (1, 0, 0, 0);

create table ashlar_queue(
  id integer primary key, name text not null unique, flow integer not null default 0,
  ready integer not null default 0, suspect integer not null default 0, running integer not null default 0,
  delayed integer not null default 0, waiting integer not null default 0, dead integer not null default 0) strict;

create table ashlar_message(
  id integer primary key, queue integer not null, state integer not null, lane integer not null, seq integer not null,
  due integer, token integer not null default 0, attempt integer not null default 0, crashes integer not null default 0,
  woken integer not null default 0, owner integer, enqueued_at integer not null, died_at integer,
  key text, failures text, reason text, headers text, body text not null) strict;
create index ashlar_message_ready on ashlar_message(queue, lane, seq) where state = 0;
create index ashlar_message_suspect on ashlar_message(queue, lane, seq) where state = 1;
create index ashlar_message_due on ashlar_message(queue, state, due) where due is not null;
create index ashlar_message_waiting on ashlar_message(queue, key, seq) where state = 4;
create index ashlar_message_dead on ashlar_message(queue, id) where state = 5;

create table ashlar_gate(
  queue integer not null, key text not null, admitted integer not null, waiting integer not null, concurrency integer not null,
  primary key(queue, key)) strict, without rowid;

create table ashlar_dedup(
  queue integer not null, key text not null, message integer not null, expires_at integer not null,
  primary key(queue, key)) strict, without rowid;
create index ashlar_dedup_expiry on ashlar_dedup(expires_at);

create table ashlar_log(
  id integer primary key, name text not null unique,
  head integer not null default 0, recorded_at integer not null default 0) strict;
create table ashlar_event(
  ref integer primary key, log integer not null, stream text not null, version integer not null, slot integer not null,
  schema integer not null, recorded_at integer not null, type text not null, meta text, data text not null) strict;
create unique index ashlar_event_stream on ashlar_event(log, stream, version);

create table ashlar_cell(
  space text not null, key text not null, version integer not null, expires_at integer, value text not null,
  primary key(space, key)) strict, without rowid;
create index ashlar_cell_expiry on ashlar_cell(expires_at) where expires_at is not null;

create table ashlar_seen(
  consumer text not null, id text not null, expires_at integer not null,
  primary key(consumer, id)) strict, without rowid;
create index ashlar_seen_expiry on ashlar_seen(expires_at);

create table ashlar_instance(
  id integer primary key, pid integer not null, started text not null, boot text not null, namespace text not null,
  opened_at integer not null) strict;
`;

// Who is admitted by its key is a mark on the message with a small index, which neither claims nor retries touch: counts of each key in
// a table of their own cost five further statements a message.
const keysByMark = `
alter table ashlar_message add column admitted integer not null default 0;
update ashlar_message set admitted = 1 where key is not null and state < 4;
create index ashlar_message_admitted on ashlar_message(queue, key) where admitted = 1;
create table ashlar_concurrency(
  queue integer not null, key text not null, concurrency integer not null, primary key(queue, key)) strict, without rowid;
insert into ashlar_concurrency select queue, key, concurrency from ashlar_gate where concurrency <> 1 or admitted > 1;
drop table ashlar_gate;
`;

/** The engine's own tables, all named `ashlar_…`. Steps are only ever added at the end. */
export const schemaSteps: readonly MigrationStep[] = [
  { name: "one durable engine", sql: firstStep },
  { name: "keys by a mark on their messages", sql: keysByMark },
];

/** Positions of a log: 2^36, some 68 thousand million; and so many logs fit below 2^53. */
export const positionsMax: number = 2 ** 36;
export const logsMax: number = 2 ** 17 - 1;
