import type { MigrationStep } from "../../drivers/postgres/mod.ts";
import { decideFunction } from "./decide.sql.ts";

/** The tables of the store and its function. Steps are only ever added at the end. */
export function schemaSteps(schema: string): readonly MigrationStep[] {
  return [{ name: "limits judged by the server", sql: firstStep(schema), older: "run" }];
}

// Times are microseconds of the store's time. All figures are doubles, as where they are worked out again. An update must find room in its page and
// change nothing that is indexed, hence the fill factor, and `sweep_at_us` besides the time at which a state has recovered.
function firstStep(schema: string): string {
  const early =
    "autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_cost_delay = 0";
  return `
create table ${schema}.ashlar_limiter_time(
  id integer primary key check (id = 1), mark_us float8 not null, ahead_us float8 not null) with (fillfactor = 10);
insert into ${schema}.ashlar_limiter_time values (1, 0, 0);
create table ${schema}.ashlar_limiter_state(
  first float8 not null, second float8 not null, third float8 not null, at_us float8 not null, sweep_at_us float8 not null,
  name text collate "C" primary key) with (fillfactor = 50, ${early});
create index ashlar_limiter_sweep on ${schema}.ashlar_limiter_state(sweep_at_us);
create table ${schema}.ashlar_limiter_entry(
  weight float8 not null, until_us float8 not null, name text collate "C" not null, id text collate "C" not null,
  primary key(name, id)) with (${early});
create index ashlar_limiter_until on ${schema}.ashlar_limiter_entry(name, until_us);
${decideFunction(schema)}
`;
}
