import type { PostgresDatabase } from "../../drivers/postgres/mod.ts";
import { stateNames } from "./schema.ts";

/** Contradictions between the engine's own tables; empty when sound. Reads them whole, as one state. */
export async function auditFaults(database: PostgresDatabase, schema: string): Promise<readonly string[]> {
  const text = contradictions(schema).join("\nunion all\n");
  const { rows } = await database.query<{ readonly finding: string }>(`select * from (${text}) f(finding) limit 20`);
  return rows.map(({ finding }) => finding);
}

// Each query names rows that contradict one another; all are empty unless there is a bug or somebody else wrote our tables.
function contradictions(schema: string): readonly string[] {
  const table = (name: string): string => `${schema}.ashlar_${name}`;
  const counts = stateNames.map(
    (state, number) => `select 'queue ' || name || ' counts ' || counted || ' ${state} and holds ' || found from (
      select name, (select coalesce(sum(${state}), 0) from ${table("count")} c where c.queue = q.id) as counted,
        (select count(*) from ${table("message")} m where m.queue = q.id and m.state = ${number}) as found from ${table("queue")} q) s
      where counted <> found`,
  );
  return [
    ...counts,
    `select 'message ' || id || ' is marked wrong for its key' from ${table("message")} where admitted <> (key is not null and state < 4)`,
    `select 'key ' || key || ' admits ' || a || ' of ' || most || ' while ' || w || ' wait' from (
      select m.key, count(*) filter (where state < 4) as a, count(*) filter (where state = 4) as w, coalesce(max(c.concurrency), 1) as most
      from ${table("message")} m left join ${table("concurrency")} c on c.queue = m.queue and c.key = m.key
      where m.key is not null and state < 5 group by m.queue, m.key) s where w > 0 and a < most`,
    `select 'key ' || c.key || ' has a concurrency and no message' from ${table("concurrency")} c
      where not exists (select 1 from ${table("message")} m where m.queue = c.queue and m.key = c.key and m.state < 5)`,
    `select 'log ' || name || ' has its head at ' || head || ' and ' || found || ' events' from (select name, head,
      (select count(*) from ${table("event")} e where e.log = l.id) as found from ${table("log")} l) s where head <> found`,
    `select 'stream ' || stream || ' has gaps' from ${table("event")} group by log, stream
      having count(*) <> max(version) or min(version) <> 1`,
  ];
}
