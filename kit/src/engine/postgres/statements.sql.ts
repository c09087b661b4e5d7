import { statement, type Statement } from "../../drivers/postgres/mod.ts";

/**
 * Every statement of commits and claims. State numbers are those of schema.ts; they stand in the text, because what a partial index asks for
 * must be known when a statement is planned.
 *
 * A plan is kept, and one that was made while a table had a few rows must do when it has millions: joined with an array, all of them would be
 * compared with all of it. Hence what an array names is looked up in a subquery that the planner leaves alone (`offset 0`), by an array of
 * ids or places, or, where neither can be, as `each` row of few.
 */
export type Statements = { readonly [Name in StatementName]: Statement };

type Texts<Make extends (schema: string) => object> = keyof ReturnType<Make>;
type StatementName =
  | Texts<typeof names>
  | Texts<typeof locks>
  | Texts<typeof reads>
  | Texts<typeof messageWrites>
  | Texts<typeof otherWrites>
  | Texts<typeof claims>;

/** The statements for tables in that schema. */
export function prepareStatements(schema: string): Statements {
  const made = Object.entries(texts(schema)).map(([name, text]) => [name, statement(text)]);
  return Object.fromEntries(made) as Statements;
}

/** Always holds, and counts as one row in two hundred when a statement is planned: the planner then looks up each of those that are left. */
export function each(column: string): string {
  return `${column} is not distinct from ${column}`;
}

const rowColumns = "id, queue, state, lane, seq, due, token, attempt, crashes, woken, admitted, key, failures";

function texts(schema: string): Readonly<Record<StatementName, string>> {
  const made = [names, locks, reads, messageWrites, otherWrites, claims].map((make) => make(schema));
  return Object.assign({}, ...made) as Readonly<Record<StatementName, string>>;
}

/** How a row of counts takes more. */
const addToCount = `on conflict (queue, shard) do update set ready = c.ready + excluded.ready, suspect = c.suspect + excluded.suspect,
  running = c.running + excluded.running, delayed = c.delayed + excluded.delayed, waiting = c.waiting + excluded.waiting,
  dead = c.dead + excluded.dead`;

/** What never changes. */
function names(schema: string) {
  const message = `${schema}.ashlar_message`;
  return {
    addQueues: `insert into ${schema}.ashlar_queue(name) select unnest($1::text[]) on conflict do nothing`,
    queueIds: `select id, name from ${schema}.ashlar_queue where name = any($1::text[])`,
    addLogs: `insert into ${schema}.ashlar_log(name) select unnest($1::text[]) on conflict do nothing`,
    logIds: `select id, name from ${schema}.ashlar_log where name = any($1::text[])`,
    keysOf: `select id, queue, key from ${message} where id = any($1::bigint[])`,
  };
}

/** Names, logs and messages for the transaction. */
function locks(schema: string) {
  const message = `${schema}.ashlar_message`;
  return {
    // A list of many names takes one lock on all instead of many: the server's table of locks is small.
    lockAll: "select pg_advisory_xact_lock($1::int, 0)",
    // Counted, so that one row is answered instead of one for each name.
    lockNames: `select count(case when exclusive then pg_advisory_xact_lock($1::int, slot)::text else pg_advisory_xact_lock_shared($1::int, slot)::text end)
      from unnest($2::int[], $3::boolean[]) as s(slot, exclusive)`,
    lockLogs: `select id, head, recorded_at from ${schema}.ashlar_log where id = any($1::int[]) order by id for update`,
    lockMessages: `select ${rowColumns} from ${message} where id = any($1::bigint[]) order by id for update`,
  };
}

/** What lists are judged by. */
function reads(schema: string) {
  const message = `${schema}.ashlar_message`;
  const count = `${schema}.ashlar_count`;
  return {
    numbers: `select string_agg(nextval('${schema}.ashlar_number')::text, ',') from generate_series(1, $1::int)`,
    queues: `select id, known, paused from ${schema}.ashlar_queue where id = any($1::int[])`,
    depths: `select queue, sum(ready + suspect + running + delayed + waiting) from ${count} where queue = any($1::int[]) group by queue`,
    matured: `select ${rowColumns} from ${message} where queue = $1 and state = 3 and due is not null and due <= $2
      order by due, id limit $3 for update skip locked`,
    lapsed: `select ${rowColumns} from ${message} where queue = $1 and state = 2 and due <= $2
      order by due, id limit $3 for update skip locked`,
    keys: `select k.queue, k.key,
        (select c.concurrency from ${schema}.ashlar_concurrency c where c.queue = k.queue and c.key = k.key),
        (select count(*) from ${message} m where m.queue = k.queue and m.key = k.key and m.admitted)
      from unnest($1::int[], $2::text[]) as k(queue, key)`,
    waiting: `select m.* from unnest($1::int[], $2::text[], $3::int[]) as k(queue, key, most),
      lateral (select ${rowColumns} from ${message} m where m.queue = k.queue and m.key = k.key and m.state = 4
        order by m.seq limit k.most) m`,
    versions: `select n, (select version from ${schema}.ashlar_event e where e.log = s.log and e.stream = s.stream order by version desc limit 1)
      from unnest($1::int[], $2::text[]) with ordinality as s(log, stream, n)`,
    cells: `select n, version from unnest($1::text[], $2::text[]) with ordinality as k(space, key, n),
      lateral (select version from ${schema}.ashlar_cell c
        where c.space = k.space and c.key = k.key and (c.expires_at is null or c.expires_at > $3) offset 0) c`,
    seen: `select n from unnest($1::text[], $2::text[]) with ordinality as k(consumer, id, n),
      lateral (select 1 from ${schema}.ashlar_seen s where s.consumer = k.consumer and s.id = k.id and s.expires_at > $3 offset 0) s`,
    dedups: `select n, message from unnest($1::int[], $2::text[]) with ordinality as k(queue, key, n),
      lateral (select message from ${schema}.ashlar_dedup d where d.queue = k.queue and d.key = k.key and d.expires_at > $3 offset 0) d`,
  };
}

/** Messages, each kind of write in one statement. */
function messageWrites(schema: string) {
  const message = `${schema}.ashlar_message`;
  return {
    addMessages: `insert into ${message}(id, seq, queue, state, lane, due, token, attempt, admitted, enqueued_at, key, headers, body)
      select id, id, queue, state, lane, due, token, token, admitted, $1::bigint, key, headers, body
      from unnest($2::bigint[], $3::int[], $4::int[], $5::int[], $6::bigint[], $7::bigint[], $8::boolean[], $9::text[], $10::text[],
        $11::text[]) as m(id, queue, state, lane, due, token, admitted, key, headers, body)`,
    changeMessages: `update ${message} m set state = c.state, seq = c.seq, due = c.due, token = c.token, attempt = c.attempt, crashes = c.crashes,
        woken = c.woken, admitted = c.admitted, failures = c.failures, reason = c.reason, died_at = c.died_at
      from unnest($1::bigint[], $2::int[], $3::bigint[], $4::bigint[], $5::bigint[], $6::int[], $7::int[], $8::boolean[], $9::boolean[],
        $10::text[], $11::text[], $12::bigint[])
        as c(id, state, seq, due, token, attempt, crashes, woken, admitted, failures, reason, died_at)
      where m.id = c.id and ${each("c.id")}`,
    dropMessages: `delete from ${message} where id = any($1::bigint[])`,
  };
}

/** Everything else. */
function otherWrites(schema: string) {
  const count = `${schema}.ashlar_count`;
  return {
    addEvents: `insert into ${schema}.ashlar_event(log, position, stream, version, slot, schema, recorded_at, type, meta, data)
      select * from unnest($1::int[], $2::bigint[], $3::text[], $4::bigint[], $5::int[], $6::int[], $7::bigint[], $8::text[], $9::text[],
        $10::text[])`,
    saveLogs: `update ${schema}.ashlar_log l set head = n.head, recorded_at = n.recorded_at
      from unnest($1::int[], $2::bigint[], $3::bigint[]) as n(id, head, recorded_at) where l.id = n.id`,
    saveCells: `insert into ${schema}.ashlar_cell(space, key, version, expires_at, value)
      select * from unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[], $5::text[])
      on conflict (space, key) do update set version = excluded.version, expires_at = excluded.expires_at, value = excluded.value`,
    dropCells: `delete from ${schema}.ashlar_cell where ctid = any(array(
      select (select ctid from ${schema}.ashlar_cell c where c.space = k.space and c.key = k.key)
      from unnest($1::text[], $2::text[]) as k(space, key)))`,
    saveSeen: `insert into ${schema}.ashlar_seen(consumer, id, expires_at) select * from unnest($1::text[], $2::text[], $3::bigint[])
      on conflict (consumer, id) do update set expires_at = excluded.expires_at`,
    saveDedups: `insert into ${schema}.ashlar_dedup(queue, key, message, expires_at)
      select * from unnest($1::int[], $2::text[], $3::bigint[], $4::bigint[])
      on conflict (queue, key) do update set message = excluded.message, expires_at = excluded.expires_at`,
    saveConcurrencies: `insert into ${schema}.ashlar_concurrency(queue, key, concurrency)
      select * from unnest($1::int[], $2::text[], $3::int[]) on conflict (queue, key) do update set concurrency = excluded.concurrency`,
    dropConcurrencies: `delete from ${schema}.ashlar_concurrency where ctid = any(array(
      select (select ctid from ${schema}.ashlar_concurrency c where c.queue = k.queue and c.key = k.key)
      from unnest($1::int[], $2::text[]) as k(queue, key)))`,
    addCounts: `insert into ${count} as c(queue, shard, ready, suspect, running, delayed, waiting, dead)
      select queue, $1::int, ready, suspect, running, delayed, waiting, dead
      from unnest($2::int[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[], $8::bigint[])
        as d(queue, ready, suspect, running, delayed, waiting, dead) order by queue ${addToCount}`,
    saveQueues: `update ${schema}.ashlar_queue q set known = true, paused = case n.paused when -1 then q.paused else n.paused = 1 end
      from unnest($1::int[], $2::int[]) as n(id, paused) where q.id = n.id`,
  };
}

/** Handing out. */
function claims(schema: string) {
  const message = `${schema}.ashlar_message`;
  const count = `${schema}.ashlar_count`;
  return {
    claim: `with s as materialized (select id from ${message} where queue = $1 and state = 1 order by lane, seq limit $3 for update skip locked),
      r as materialized (select id from ${message} where queue = $1 and state = 0 order by lane, seq
        limit $2 - (select count(*) from s) for update skip locked),
      t as (update ${message} m set state = 2, token = token + 1, attempt = attempt + 1, due = $4, woken = false
        where m.id = any(array(select id from s union all select id from r))
        returning m.id, lane, seq, token, attempt, crashes, enqueued_at, key, failures, headers, body, (m.id in (select id from s))::int as was),
      n as (insert into ${count} as c(queue, shard, ready, suspect, running)
        select $1, $5::int, -count(*) filter (where was = 0), -count(*) filter (where was = 1), count(*) from t having count(*) > 0
        ${addToCount})
      select * from t`,
    nextDue: `select (select due from ${message} where queue = $1 and state = 3 and due is not null order by due limit 1),
      (select due from ${message} where queue = $1 and state = 2 order by due limit 1)`,
  };
}
