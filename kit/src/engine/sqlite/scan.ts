import type { SqliteSession, SqlValue } from "../../drivers/sqlite/mod.ts";
import type { Cell } from "../cell.ts";
import type { QueueStatus, StoredMessage } from "../message.ts";
import type { ScanQuery, ScanRow, StreamRow } from "../scan.ts";
import { compareText, prefixEnd } from "../text-order.ts";
import { messageNumber, scanLimit } from "../validate-request.ts";
import { stateNames } from "./schema.ts";
import { readFailures } from "./work.ts";

type Query<K extends ScanQuery["kind"]> = Extract<ScanQuery, { readonly kind: K }>;

// Rows read in one turn of the event loop.
const pageRows = 500;

/** What a scan reads from. */
export interface ScanSource {
  readonly sql: SqliteSession;
  readonly nowMs: number;
}

/** The rows of a query, page by page, each page a look of its own. */
export function scanRows<Q extends ScanQuery>(source: ScanSource, query: Q): AsyncGenerator<ScanRow<Q>>;
export function scanRows(source: ScanSource, query: ScanQuery): AsyncGenerator {
  switch (query.kind) {
    case "queues":
      return once(scanQueues(source.sql, query));
    case "messages":
      return paged(
        query,
        (message: StoredMessage) => message.id,
        (after, limit) => scanMessages(source.sql, query, { after, limit }),
      );
    case "cells":
      return paged(
        query,
        (cell: Cell) => cell.key,
        (after, limit) => scanCells(source, query, { after, limit }),
      );
    case "streams":
      return paged(
        query,
        (row: StreamRow) => row.stream,
        (after, limit) => scanStreams(source.sql, query, { after, limit }),
      );
    default:
      throw new Error(`unknown scan ${JSON.stringify(query satisfies never)}`);
  }
}

interface Page {
  readonly after: string | undefined;
  readonly limit: number;
}

async function* once<R>(rows: readonly R[]): AsyncGenerator<R> {
  yield* rows;
}

async function* paged<R>(
  bounds: { readonly after?: string | undefined; readonly limit?: number | undefined },
  keyOf: (row: R) => string,
  read: (after: string | undefined, limit: number) => readonly R[],
): AsyncGenerator<R> {
  let left = scanLimit(bounds.limit);
  let after = bounds.after;
  while (left > 0) {
    const limit = Math.min(left, pageRows);
    const rows = read(after, limit);
    yield* rows;
    const last = rows.at(-1);
    if (rows.length < limit || last === undefined) return;
    after = keyOf(last);
    left -= rows.length;
  }
}

interface QueueRow extends Record<(typeof stateNames)[number], number> {
  readonly id: number;
  readonly name: string;
  readonly flow: number;
  readonly oldest: number | null;
}

const queueColumns = `id, name, flow, ready, suspect, running, delayed, waiting, dead, coalesce(
  (select enqueued_at from ashlar_message m where m.queue = q.id and m.state = 1 order by lane, seq limit 1),
  (select enqueued_at from ashlar_message m where m.queue = q.id and m.state = 0 order by lane, seq limit 1)) as oldest`;

function scanQueues(sql: SqliteSession, { queue }: Query<"queues">): readonly QueueStatus[] {
  const rows =
    queue === undefined
      ? sql.all<QueueRow>(`select ${queueColumns} from ashlar_queue q order by name`)
      : sql.all<QueueRow>(`select ${queueColumns} from ashlar_queue q where name = ?`, queue);
  return rows.map(({ name, flow, ready, suspect, running, delayed, waiting, dead, oldest }) => ({
    queue: name,
    ready,
    suspect,
    running,
    delayed,
    waiting,
    dead,
    flow: flow === 1 ? "paused" : "open",
    oldestReadyAtMs: oldest ?? undefined,
  }));
}

interface StoredRow {
  readonly id: number;
  readonly state: number;
  readonly lane: number;
  readonly due: number | null;
  readonly attempt: number;
  readonly crashes: number;
  readonly enqueued_at: number;
  readonly died_at: number | null;
  readonly key: string | null;
  readonly failures: string | null;
  readonly reason: string | null;
  readonly headers: string | null;
  readonly body: string;
}

// Walks the table by id: the states that can be many have no index by id, which every enqueue would pay for.
// Dead letters, the ones people page through, have theirs.
function scanMessages(sql: SqliteSession, query: Query<"messages">, page: Page): readonly StoredMessage[] {
  const { queue: name, state } = query;
  const queue = sql.get<{ readonly id: number }>("select id from ashlar_queue where name = ?", name);
  if (queue === undefined) return [];
  const values: SqlValue[] = [queue.id, page.after === undefined ? 0 : (messageNumber(page.after) ?? 0)];
  const stateClause = state === undefined ? "" : `and state = ${stateNames.indexOf(state)}`;
  const rows = sql.all<StoredRow>(
    `select id, state, lane, due, attempt, crashes, enqueued_at, died_at, key, failures, reason, headers, body
      from ashlar_message where queue = ? and id > ? ${stateClause} order by id limit ?+0`,
    ...values,
    page.limit,
  );
  return rows.map((row) => stored(name, row));
}

function stored(queue: string, row: StoredRow): StoredMessage {
  const state = stateNames[row.state] ?? "ready";
  return {
    queue,
    id: String(row.id),
    state,
    body: row.body,
    headers: row.headers === null ? undefined : (JSON.parse(row.headers) as Record<string, string>),
    key: row.key ?? undefined,
    lane: row.lane,
    attempt: row.attempt,
    crashes: row.crashes,
    enqueuedAtMs: row.enqueued_at,
    dueAtMs: state === "waiting" ? undefined : (row.due ?? undefined),
    failures: readFailures(row.failures),
    reason: row.reason ?? undefined,
    diedAtMs: row.died_at ?? undefined,
  };
}

interface CellRow {
  readonly key: string;
  readonly version: number;
  readonly value: string;
  readonly expires_at: number | null;
}

/** Where a page of names begins. One bound: of two SQLite would seek the one that is named first and walk from there to the other, past all pages
 *  before. */
function beginOf(
  column: string,
  prefix: string,
  after: string | undefined,
): readonly [condition: string, bound: string] {
  const isBehind = after !== undefined && compareText(after, prefix) >= 0;
  return isBehind ? [`${column} > ?`, after] : [`${column} >= ?`, prefix];
}

function scanCells({ sql, nowMs }: ScanSource, { space, prefix = "" }: Query<"cells">, page: Page): readonly Cell[] {
  const end = prefixEnd(prefix);
  const [begin, bound] = beginOf("key", prefix, page.after);
  const rows = sql.all<CellRow>(
    `select key, version, value, expires_at from ashlar_cell
      where space = ? and ${begin} ${end === undefined ? "" : "and key < ?"}
      and (expires_at is null or expires_at > ?) order by key limit ?+0`,
    space,
    bound,
    ...(end === undefined ? [] : [end]),
    nowMs,
    page.limit,
  );
  return rows.map(({ key, version, value, expires_at: expiresAt }) => ({
    space,
    key,
    value,
    version,
    expiresAtMs: expiresAt ?? undefined,
  }));
}

// Two steps down the index for each stream, however many events it has.
function scanStreams(sql: SqliteSession, query: Query<"streams">, page: Page): readonly StreamRow[] {
  const { prefix = "" } = query;
  const log = sql.get<{ readonly id: number }>("select id from ashlar_log where name = ?", query.log);
  const rows: StreamRow[] = [];
  if (log === undefined) return rows;
  let { after } = page;
  while (rows.length < page.limit) {
    const [begin, bound] = beginOf("stream", prefix, after);
    const row = sql.get<StreamRow>(
      `select stream, (select version from ashlar_event v where v.log = e.log and v.stream = e.stream order by version desc limit 1) as version
        from ashlar_event e where log = ? and ${begin} order by stream limit 1`,
      log.id,
      bound,
    );
    if (row === undefined || !row.stream.startsWith(prefix)) break;
    rows.push({ stream: row.stream, version: row.version });
    after = row.stream;
  }
  return rows;
}
