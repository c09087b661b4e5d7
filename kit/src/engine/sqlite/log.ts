import type { PreparingSession, SqlValue } from "../../drivers/sqlite/mod.ts";
import type { ReadRequest, ReadResult, StreamRequest } from "../engine.ts";
import type { RecordedEvent } from "../event-record.ts";
import { positionsMax } from "./schema.ts";

type Prepared = ReturnType<PreparingSession["prepare"]>;

// A filter that passes little would otherwise look at a whole log in one turn; the next read goes on from `through`.
const lookedAtMax = 50_000;

/** In the order of the select; an array costs half of an object on this path. The name of a stream that is known is not read again. */
type EventRow = readonly [
  stream: string | null,
  ref: number,
  version: number,
  type: string,
  schema: number,
  data: string,
  meta: string | null,
  recordedAtMs: number,
];

const eventColumns = "ref, version, type, schema, data, meta, recorded_at";

/** Reads of logs on a connection that sees what is committed. Every statement is prepared once; few rows cost a few microseconds. */
export class LogReads {
  readonly #session: PreparingSession;
  readonly #id: Prepared;
  readonly #head: Prepared;
  readonly #stream: Prepared;
  /** By filter, of which there are eight combinations. */
  readonly #pages = new Map<string, Prepared>();
  /** A log's number never changes. */
  readonly #ids = new Map<string, number>();

  constructor(session: PreparingSession) {
    this.#session = session;
    this.#id = prepared(session, "select id from ashlar_log where name = ?");
    this.#head = prepared(session, "select head from ashlar_log where id = ?");
    this.#stream = prepared(
      session,
      `select null, ${eventColumns} from ashlar_event where log = ? and stream = ? and version > ? order by version limit ?+0`,
    );
  }

  /** Events of a log by position. The head is read first, so that what is committed meanwhile shows in the next read. */
  read(request: ReadRequest): ReadResult {
    const { after, limit } = request;
    const id = this.#idOf(request.log);
    if (id === undefined) return { events: [], through: after, head: 0 };
    const [head] = this.#head.get(id) as unknown as readonly [number];
    const { clauses, values } = filters(request);
    const last = clauses === "" ? head : Math.min(head, after + lookedAtMax);
    if (last <= after) return { events: [], through: after, head };
    const first = id * positionsMax;
    const rows = this.#page(clauses).all(first + after, first + last, ...values, limit);
    const events = recorded(rows as unknown as readonly EventRow[], "");
    const through = events.length === limit ? events.at(-1)?.position : undefined;
    return { events, through: through ?? last, head };
  }

  /** Events of one stream by version. */
  stream({ log, stream, after, limit }: StreamRequest): readonly RecordedEvent[] {
    const id = this.#idOf(log);
    if (id === undefined) return [];
    return recorded(this.#stream.all(id, stream, after, limit) as unknown as readonly EventRow[], stream);
  }

  #idOf(name: string): number | undefined {
    const known = this.#ids.get(name);
    if (known !== undefined) return known;
    const row = this.#id.get(name) as unknown as readonly [number] | undefined;
    if (row === undefined) return undefined;
    this.#ids.set(name, row[0]);
    return row[0];
  }

  #page(clauses: string): Prepared {
    let page = this.#pages.get(clauses);
    if (page === undefined) {
      const where = `ref > ? and ref <= ?${clauses}`;
      page = prepared(
        this.#session,
        `select stream, ${eventColumns} from ashlar_event where ${where} order by ref limit ?+0`,
      );
      this.#pages.set(clauses, page);
    }
    return page;
  }
}

function prepared(session: PreparingSession, text: string): Prepared {
  const statement = session.prepare(text);
  statement.setReturnArrays(true);
  return statement;
}

const unfiltered: Filters = { clauses: "", values: [] };

interface Filters {
  readonly clauses: string;
  readonly values: readonly SqlValue[];
}

function filters({ types, streamPrefix, partition }: ReadRequest): Filters {
  if (types === undefined && streamPrefix === undefined && partition === undefined) return unfiltered;
  let clauses = "";
  const values: SqlValue[] = [];
  if (types !== undefined) {
    clauses += " and type in (select value from json_each(?))";
    values.push(JSON.stringify(types));
  }
  if (streamPrefix !== undefined && streamPrefix !== "") {
    clauses += " and substr(stream, 1, length(?)) = ?";
    values.push(streamPrefix, streamPrefix);
  }
  if (partition !== undefined && partition.count > 1) {
    clauses += " and slot % ? = ?";
    values.push(partition.count, partition.index);
  }
  return { clauses, values };
}

function recorded(rows: readonly EventRow[], known: string): readonly RecordedEvent[] {
  return rows.map(([stream, ref, version, type, schema, data, meta, recordedAtMs]) => ({
    position: ref % positionsMax,
    stream: stream ?? known,
    version,
    type,
    schema,
    data,
    meta: meta ?? undefined,
    recordedAtMs,
  }));
}
