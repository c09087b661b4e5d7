import type { SqliteSession, SqlValue } from "../../drivers/sqlite/mod.ts";
import type { ReadRequest, ReadResult, StreamRequest } from "../engine.ts";
import type { RecordedEvent } from "../event-record.ts";
import { positionsMax } from "./schema.ts";

// A filter that passes little would otherwise look at a whole log in one turn; the next read goes on from `through`.
const lookedAtMax = 50_000;

interface LogRow {
  readonly id: number;
  readonly head: number;
}

interface EventRow {
  readonly ref: number;
  readonly stream: string;
  readonly version: number;
  readonly type: string;
  readonly schema: number;
  readonly data: string;
  readonly meta: string | null;
  readonly recorded_at: number;
}

const eventColumns = "ref, stream, version, type, schema, data, meta, recorded_at";

/** Events of a log by position. The head is read first, so that what is committed meanwhile shows in the next read. */
export function readLog(sql: SqliteSession, request: ReadRequest): ReadResult {
  const { after, limit } = request;
  const log = findLog(sql, request.log);
  if (log === undefined) return { events: [], through: after, head: 0 };
  const { clauses, values } = filters(request);
  const last = clauses.length === 0 ? log.head : Math.min(log.head, after + lookedAtMax);
  if (last <= after) return { events: [], through: after, head: log.head };
  const first = log.id * positionsMax;
  const where = ["ref > ?", "ref <= ?", ...clauses].join(" and ");
  const text = `select ${eventColumns} from ashlar_event where ${where} order by ref limit ?`;
  const events = sql.all<EventRow>(text, first + after, first + last, ...values, limit).map(recorded);
  const through = events.length === limit ? events.at(-1)?.position : undefined;
  return { events, through: through ?? last, head: log.head };
}

/** Events of one stream by version. */
export function readStream(sql: SqliteSession, request: StreamRequest): readonly RecordedEvent[] {
  const { stream, after, limit } = request;
  const log = findLog(sql, request.log);
  if (log === undefined) return [];
  const text = `select ${eventColumns} from ashlar_event where log = ? and stream = ? and version > ? order by version limit ?`;
  return sql.all<EventRow>(text, log.id, stream, after, limit).map(recorded);
}

function findLog(sql: SqliteSession, name: string): LogRow | undefined {
  return sql.get<LogRow>("select id, head from ashlar_log where name = ?", name);
}

function filters({ types, streamPrefix, partition }: ReadRequest): {
  readonly clauses: readonly string[];
  readonly values: readonly SqlValue[];
} {
  const clauses: string[] = [];
  const values: SqlValue[] = [];
  if (types !== undefined) {
    clauses.push("type in (select value from json_each(?))");
    values.push(JSON.stringify(types));
  }
  if (streamPrefix !== undefined && streamPrefix !== "") {
    clauses.push("substr(stream, 1, length(?)) = ?");
    values.push(streamPrefix, streamPrefix);
  }
  if (partition !== undefined && partition.count > 1) {
    clauses.push("slot % ? = ?");
    values.push(partition.count, partition.index);
  }
  return { clauses, values };
}

function recorded(row: EventRow): RecordedEvent {
  return {
    position: row.ref % positionsMax,
    stream: row.stream,
    version: row.version,
    type: row.type,
    schema: row.schema,
    data: row.data,
    meta: row.meta ?? undefined,
    recordedAtMs: row.recorded_at,
  };
}
