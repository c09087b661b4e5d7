import type { MigrationStep } from "../../drivers/postgres/mod.ts";

/** The tables of the bus. Steps are only ever added at the end. */
export function schemaSteps(schema: string): readonly MigrationStep[] {
  return [{ name: "channels between caches", sql: firstStep(schema), older: "run" }];
}

// A channel's row is the lock under which its messages are numbered. `bytes`: of all its messages ever; `bytes_end`: what it was with that message.
function firstStep(schema: string): string {
  return `
create table ${schema}.ashlar_cache_channel(
  last bigint not null, bytes bigint not null, life float8 not null, name text collate "C" primary key) with (fillfactor = 50);
create table ${schema}.ashlar_cache_message(
  number bigint not null, bytes_end bigint not null, sent_at timestamptz not null, channel text collate "C" not null, message text not null,
  primary key(channel, number)) with (autovacuum_vacuum_scale_factor = 0.2, autovacuum_vacuum_threshold = 1000);`;
}
