import type { MigrationStep } from "../../drivers/postgres/mod.ts";

/** Message states as stored. */
export const ready = 0;
export const suspect = 1;
export const running = 2;
export const delayed = 3;
export const waiting = 4;
export const dead = 5;

/** Names of the states by their stored number. */
export const stateNames = ["ready", "suspect", "running", "delayed", "waiting", "dead"] as const;

/** The engine's own tables in their schema, all named `ashlar_…`. Steps are only ever added at the end. */
export function schemaSteps(schema: string): readonly MigrationStep[] {
  return [{ name: "one durable engine", sql: firstStep(schema), older: "run" }];
}

// Names are compared and listed by code point, hence the collation. Times are milliseconds of the engine's clock. Every message is in exactly
// one small index, the one of its state, and in one more while its key admits it. Tables that turn over are vacuumed early and without pauses:
// what is dead in them is what the next claim has to step over.
function firstStep(schema: string): string {
  const early =
    "autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 500, autovacuum_vacuum_cost_delay = 0";
  return `
create sequence ${schema}.ashlar_number;

create table ${schema}.ashlar_queue(
  id integer generated always as identity primary key, name text collate "C" not null unique,
  known boolean not null default false, paused boolean not null default false);
create table ${schema}.ashlar_count(
  queue integer not null, shard smallint not null, ready bigint not null default 0, suspect bigint not null default 0,
  running bigint not null default 0, delayed bigint not null default 0, waiting bigint not null default 0, dead bigint not null default 0,
  primary key(queue, shard)) with (fillfactor = 50, ${early});

create table ${schema}.ashlar_message(
  id bigint primary key, seq bigint not null, due bigint, token bigint not null, enqueued_at bigint not null, died_at bigint,
  queue integer not null, attempt integer not null, crashes integer not null default 0,
  state smallint not null, lane smallint not null, woken boolean not null default false, admitted boolean not null default false,
  key text collate "C", failures text, reason text, headers text, body text not null) with (${early});
create index ashlar_message_ready on ${schema}.ashlar_message(queue, lane, seq) where state = 0;
create index ashlar_message_suspect on ${schema}.ashlar_message(queue, lane, seq) where state = 1;
create index ashlar_message_running on ${schema}.ashlar_message(queue, due) where state = 2;
create index ashlar_message_delayed on ${schema}.ashlar_message(queue, due) where state = 3 and due is not null;
create index ashlar_message_waiting on ${schema}.ashlar_message(queue, key, seq) where state = 4;
create index ashlar_message_dead on ${schema}.ashlar_message(queue, id) where state = 5;
create index ashlar_message_admitted on ${schema}.ashlar_message(queue, key) where admitted;

create table ${schema}.ashlar_concurrency(
  queue integer not null, key text collate "C" not null, concurrency integer not null, primary key(queue, key));
create table ${schema}.ashlar_dedup(
  queue integer not null, key text collate "C" not null, message bigint not null, expires_at bigint not null,
  primary key(queue, key)) with (${early});
create index ashlar_dedup_expiry on ${schema}.ashlar_dedup(expires_at);

create table ${schema}.ashlar_log(
  id integer generated always as identity primary key, name text collate "C" not null unique,
  head bigint not null default 0, recorded_at bigint not null default 0) with (fillfactor = 50);
create table ${schema}.ashlar_event(
  position bigint not null, version bigint not null, recorded_at bigint not null, log integer not null, schema integer not null,
  slot smallint not null, stream text collate "C" not null, type text not null, meta text, data text not null,
  primary key(log, position));
create unique index ashlar_event_stream on ${schema}.ashlar_event(log, stream, version);

create table ${schema}.ashlar_cell(
  version bigint not null, expires_at bigint, space text collate "C" not null, key text collate "C" not null, value text not null,
  primary key(space, key)) with (fillfactor = 80, ${early});
create index ashlar_cell_expiry on ${schema}.ashlar_cell(expires_at) where expires_at is not null;

create table ${schema}.ashlar_seen(
  expires_at bigint not null, consumer text collate "C" not null, id text collate "C" not null, primary key(consumer, id)) with (${early});
create index ashlar_seen_expiry on ${schema}.ashlar_seen(expires_at);
`;
}
