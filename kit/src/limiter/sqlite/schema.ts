import type { MigrationStep } from "../../drivers/sqlite/mod.ts";

/** The tables of the store. Times are microseconds of the store's time; reals, because some figures are beyond 2^53. */
export const schemaSteps: readonly MigrationStep[] = [
  {
    name: "states of keys",
    sql: `
create table ashlar_limiter_time(
  id integer primary key check (id = 1), last_us real not null, ahead_us real not null, keys integer not null) strict;
insert into ashlar_limiter_time values (1, 0, 0, 0);
create table ashlar_limiter_state(
  space text not null, key text not null, first real not null, second real not null, third real not null, idle_at_us real not null,
  primary key(space, key)) strict, without rowid;
create index ashlar_limiter_idle on ashlar_limiter_state(idle_at_us);
create table ashlar_limiter_entry(
  space text not null, key text not null, id text not null, weight real not null, until_us real not null,
  primary key(space, key, id)) strict, without rowid;
create index ashlar_limiter_until on ashlar_limiter_entry(space, key, until_us);`,
  },
];
