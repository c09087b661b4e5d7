import { statement, type Statement } from "../../drivers/postgres/mod.ts";
import { each } from "./statements.sql.ts";

/** Statements of a transaction that is written without being read before. Each ends with a division that fails, and with it the transaction, unless
 *  everything was as expected. State numbers are those of schema.ts. */
export type QuickStatements = { readonly [Name in keyof ReturnType<typeof texts>]: Statement };

/** The statements for tables in that schema. */
export function prepareQuick(schema: string): QuickStatements {
  const made = Object.entries(texts(schema)).map(([name, text]) => [name, statement(text)]);
  return Object.fromEntries(made) as QuickStatements;
}

/** Passes when the condition holds. */
function must(condition: string): string {
  return `1 / (case when ${condition} then 1 else 0 end)`;
}

/** Answers a list of `value`, `n` of them, and notes it for whoever asks after a lost answer; fails unless there are as many as expected. */
function noted(
  rows: string,
  { value, order, count }: { readonly value: string; readonly order: string; readonly count: string },
): string {
  return `select list, set_config('ashlar.note', coalesce(current_setting('ashlar.note', true), '') || list || ';', true), ${must(`n = ${count}`)}
      from (select string_agg(${value}, ',' order by ${order}) as list, count(*) as n from ${rows}) l`;
}

function texts(schema: string) {
  const message = `${schema}.ashlar_message`;
  const cell = `${schema}.ashlar_cell`;
  // A paused queue hands out nothing, not even to the one who adds.
  const open = `not exists (select 1 from ${schema}.ashlar_queue where id = any($10::int[]) and paused)`;
  const held = `m.id = any($1::bigint[]) and m.state + 0 = 2
    and ((m.id, m.token, m.queue) in (select * from unnest($1::bigint[], $2::bigint[], $3::int[]))) is true`;
  const puts = "unnest($1::text[], $2::text[], $3::text[], $4::bigint[])";
  const number = `nextval('${schema}.ashlar_number')`;
  return {
    enqueue: `with m as materialized (select ${number} as id, u.* from unnest($1::int[], $2::int[], $3::int[], $4::bigint[], $5::int[], $6::text[],
        $7::text[]) as u(queue, state, lane, due, token, headers, body)),
      i as (insert into ${message}(id, seq, queue, state, lane, due, token, attempt, enqueued_at, headers, body)
        select id, id, queue, state, lane, due, token, token, $8::bigint, headers, body from m)
      ${noted("m", { value: "id::text", order: "id", count: `$9 and ${open}` })}`,
    room: `select ${must("coalesce(sum(ready + suspect + running + delayed + waiting), 0) + $2 <= $3")} from ${schema}.ashlar_count where queue = $1`,
    // Planned once, perhaps while the table is empty: the ids are named once more so that no plan walks over the table, and the sum keeps
    // the planner off the index of running messages, whose dead entries it would walk over. `is true` keeps the receipts a table of hashes, made
    // once: as a join they would be compared with every message.
    ack: `with d as (delete from ${message} m where ${held} returning 1) select ${must("count(*) = $4")} from d`,
    hold: `with h as (select 1 from ${message} m where ${held} for update) select ${must("count(*) = $4")} from h`,
    append: `with x as materialized (select u.*, coalesce((select e.version from ${schema}.ashlar_event e where e.log = $1 and e.stream = u.stream
          order by e.version desc limit 1), 0) as current
        from unnest($2::bigint[], $3::bigint[], $4::bigint[], $5::int[], $6::int[], $7::text[], $8::text[], $9::text[], $10::text[], $13::boolean[])
          as u(at, step, expected, slot, schema, stream, type, meta, data, isLast)),
      ok as (select ${must("bool_and(case expected when -1 then true when -2 then current > 0 else current = expected end)")} as yes from x),
      h as (update ${schema}.ashlar_log set head = head + $11, recorded_at = greatest(recorded_at, $12) where id = $1
        returning head - $11 as base, recorded_at),
      i as (insert into ${schema}.ashlar_event(log, position, stream, version, slot, schema, recorded_at, type, meta, data)
        select $1, h.base + x.at, stream, current + step, slot, schema, h.recorded_at, type, meta, data from x, h, ok where ok.yes = 1)
      ${noted("x, h where isLast", { value: "current + step || ':' || h.base + x.at", order: "x.at", count: "$14" })}`,
    // A version is drawn behind the lock on the name, so that the versions of a cell rise.
    putAny: `with u as materialized (select ${number} as version, v.* from ${puts} as v(space, key, value, expires_at)),
      w as (insert into ${cell}(space, key, value, expires_at, version) select space, key, value, expires_at, version from u
        on conflict (space, key) do update set version = excluded.version, expires_at = excluded.expires_at, value = excluded.value
        returning version)
      ${noted("w", { value: "version::text", order: "version", count: "$6 and $5::bigint is not null" })}`,
    putAbsent: `with u as materialized (select ${number} as version, v.* from ${puts} as v(space, key, value, expires_at)),
      w as (insert into ${cell} as c(space, key, value, expires_at, version) select space, key, value, expires_at, version from u
        on conflict (space, key) do update set version = excluded.version, expires_at = excluded.expires_at, value = excluded.value
          where c.expires_at <= $5 returning version)
      ${noted("w", { value: "version::text", order: "version", count: "$6" })}`,
    putVersion: `with u as materialized (select ${number} as version, v.* from unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $7::bigint[])
        as v(space, key, value, expires_at, expected) where ${each("key")}),
      p as (select u.*, (select ctid from ${cell} c where c.space = u.space and c.key = u.key and c.version = u.expected
        and (c.expires_at is null or c.expires_at > $5)) as place from u),
      w as (update ${cell} c set version = p.version, expires_at = p.expires_at, value = p.value from p where c.ctid = p.place
        returning c.version)
      ${noted("w", { value: "version::text", order: "version", count: "$6" })}`,
    checkVersion: `select ${must("count(*) = $5")} from unnest($1::text[], $2::text[], $3::bigint[]) as u(space, key, expected),
      lateral (select 1 from ${cell} c where c.space = u.space and c.key = u.key and c.version = u.expected
        and (c.expires_at is null or c.expires_at > $4) offset 0) c`,
    checkAbsent: `select ${must("count(*) = 0")} from unnest($1::text[], $2::text[]) as u(space, key),
      lateral (select 1 from ${cell} c where c.space = u.space and c.key = u.key and (c.expires_at is null or c.expires_at > $3) offset 0) c`,
    seen: `with w as (insert into ${schema}.ashlar_seen as s(consumer, id, expires_at) select * from unnest($1::text[], $2::text[], $3::bigint[])
        on conflict (consumer, id) do update set expires_at = excluded.expires_at where s.expires_at <= $4 returning 1)
      select ${must("count(*) = $5")} from w`,
    nothingDue: `select ${must(`not exists (select 1 from ${message} where queue = $1 and state = 3 and due is not null and due <= $2)
      and not exists (select 1 from ${message} where queue = $1 and state = 2 and due <= $2)
      and not exists (select 1 from ${schema}.ashlar_queue where id = $1 and paused)`)}`,
  };
}
