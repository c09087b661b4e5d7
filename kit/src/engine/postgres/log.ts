import { bound, statement, texts, type Statement, type WireRow } from "../../drivers/postgres/mod.ts";
import type { ReadRequest, ReadResult, StreamRequest } from "../engine.ts";
import type { RecordedEvent } from "../event-record.ts";
import type { Runner } from "./script.ts";
import { given, kept } from "./text.ts";

// A filter that passes little would otherwise look at a whole log in one statement; the next read goes on from `through`.
const lookedAtMax = 50_000;

const columns = "e.position, e.stream, e.version, e.type, e.schema, e.data, e.meta, e.recorded_at";

/** Reads of logs. Each is one statement, and sees one state. */
export class LogReads {
  readonly #runner: Runner;
  readonly #schema: string;
  readonly #stream: Statement;
  /** By filter, of which there are eight combinations. */
  readonly #pages = new Map<string, Statement>();

  constructor(runner: Runner, schema: string) {
    this.#runner = runner;
    this.#schema = schema;
    this.#stream = statement(`select ${columns} from ${schema}.ashlar_event e
      where e.log = (select id from ${schema}.ashlar_log where name = $1) and e.stream = $2 and e.version > $3 order by e.version limit $4`);
  }

  /** Events of a log by position. */
  async read(request: ReadRequest): Promise<ReadResult> {
    const { after, limit } = request;
    const { clauses, values } = filters(request);
    const lookedAt = clauses === "" ? Number.MAX_SAFE_INTEGER : after + lookedAtMax;
    const fixed = [kept(request.log), String(after), String(lookedAt), String(limit)];
    const [answer] = await this.#runner.run([bound(this.#page(clauses), ...fixed, ...values)]);
    const rows = answer?.rows ?? [];
    const head = Number(rows[0]?.[0] ?? 0);
    if (head <= after) return { events: [], through: after, head };
    const events = rows.filter((row) => row[1] !== null).map((row) => recorded(row.slice(1)));
    const through = events.length === limit ? events.at(-1)?.position : undefined;
    return { events, through: through ?? Math.min(head, lookedAt), head };
  }

  /** Events of one stream by version. */
  async stream({ log, stream, after, limit }: StreamRequest): Promise<readonly RecordedEvent[]> {
    const values = [kept(log), kept(stream), String(after), String(limit)];
    const [answer] = await this.#runner.run([bound(this.#stream, ...values)]);
    return (answer?.rows ?? []).map((row) => recorded(row));
  }

  #page(clauses: string): Statement {
    let page = this.#pages.get(clauses);
    if (page === undefined) {
      page = statement(`with l as materialized (select id, head from ${this.#schema}.ashlar_log where name = $1)
        select l.head, ${columns} from l left join lateral (select * from ${this.#schema}.ashlar_event e
          where e.log = l.id and e.position > $2 and e.position <= least(l.head, $3)${clauses} order by e.position limit $4) e on true
        order by e.position`);
      this.#pages.set(clauses, page);
    }
    return page;
  }
}

interface Filters {
  readonly clauses: string;
  readonly values: readonly (string | Buffer)[];
}

function filters({ types, streamPrefix, partition }: ReadRequest): Filters {
  let clauses = "";
  const values: (string | Buffer)[] = [];
  const next = (value: string | Buffer): string => `$${values.push(value) + 4}`;
  if (types !== undefined) clauses += ` and e.type = any(${next(texts(types.map((type) => kept(type))))}::text[])`;
  if (streamPrefix !== undefined && streamPrefix !== "")
    clauses += ` and starts_with(e.stream, ${next(kept(streamPrefix))}::text)`;
  if (partition !== undefined && partition.count > 1)
    clauses += ` and e.slot % ${next(String(partition.count))}::int = ${next(String(partition.index))}::int`;
  return { clauses, values };
}

/** In the order of the columns. */
function recorded([position, stream, version, type, schema, data, meta, recordedAtMs]: WireRow): RecordedEvent {
  return {
    position: Number(position),
    stream: given(stream ?? ""),
    version: Number(version),
    type: given(type ?? ""),
    schema: Number(schema),
    data: given(data ?? ""),
    meta: typeof meta === "string" ? given(meta) : undefined,
    recordedAtMs: Number(recordedAtMs),
  };
}
