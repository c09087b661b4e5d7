import type { SqliteSession } from "../../drivers/sqlite/mod.ts";
import { stateNames } from "./schema.ts";

interface Finding {
  readonly finding: string;
}

// Each query names rows that contradict one another; all are empty unless there is a bug or somebody else wrote our tables.
const contradictions: readonly string[] = [
  ...stateNames.map(
    (
      state,
      number,
    ) => `with held as (select queue, count(*) as found from ashlar_message where state = ${number} group by queue)
      select 'queue ' || name || ' counts ' || ${state} || ' ${state} and holds ' || coalesce(found, 0) as finding
      from ashlar_queue left join held on queue = id where ${state} <> coalesce(found, 0)`,
  ),
  `select 'message ' || id || ' belongs to no queue' as finding from ashlar_message where queue not in (select id from ashlar_queue)`,
  `select 'message ' || m.id || ' is numbered beyond the head' as finding from ashlar_message m, ashlar_head h
    where m.id > h.last_id or m.seq > h.last_seq`,
  `select 'cell ' || space || '/' || key || ' is beyond the head' as finding from ashlar_cell, ashlar_head where version > revision`,
  `select 'message ' || id || ' is marked wrong for its key' as finding from ashlar_message
    where admitted <> (key is not null and state < 4)`,
  `with held as (select queue, key, sum(state < 4) as a, sum(state = 4) as w from ashlar_message
      where key is not null and state < 5 group by queue, key)
    select 'key ' || coalesce(h.key, c.key) || ' admits ' || coalesce(a, 0) || ' of ' || coalesce(concurrency, 1) || ' while '
      || coalesce(w, 0) || ' wait' as finding
      from held h full join ashlar_concurrency c on c.queue = h.queue and c.key = h.key
      where h.key is null or (w > 0 and a < coalesce(concurrency, 1)) or (c.key is null and a > 1)`,
  `with held as (select log, count(*) as found, max(ref) as last from ashlar_event group by log)
    select 'log ' || name || ' has its head at ' || head || ' and ' || coalesce(found, 0) || ' events' as finding
      from ashlar_log left join held on log = id where head <> coalesce(found, 0)`,
  `select 'stream ' || stream || ' has gaps' as finding from ashlar_event group by log, stream
    having count(*) <> max(version) or min(version) <> 1`,
];

/** Contradictions between the engine's own tables; empty when sound. Reads them whole. */
export function auditFaults(sql: SqliteSession): readonly string[] {
  return contradictions.flatMap((text) => sql.all<Finding>(`${text} limit 10`).map(({ finding }) => finding));
}
