import { bound, statement, type Statement, type WireRow } from "../../drivers/postgres/mod.ts";
import type { Cell } from "../cell.ts";
import type { QueueStatus, StoredMessage } from "../message.ts";
import type { ScanQuery, ScanRow, StreamRow } from "../scan.ts";
import { prefixEnd } from "../text-order.ts";
import { messageNumber, scanLimit } from "../validate-request.ts";
import { stateNames } from "./schema.ts";
import type { Runner } from "./script.ts";
import { given, kept } from "./text.ts";
import { readFailures } from "./work.ts";

type Query<K extends ScanQuery["kind"]> = Extract<ScanQuery, { readonly kind: K }>;

// Rows read in one statement.
const pageRows = 500;

/** Statements that inspect. */
export class Scans {
  readonly #runner: Runner;
  readonly #sql: Readonly<Record<"queues" | "messages" | "messagesIn" | "cells" | "streams", Statement>>;

  constructor(runner: Runner, schema: string) {
    this.#runner = runner;
    const messages = `select id, state, lane, due, attempt, crashes, enqueued_at, died_at, key, failures, reason, headers, body
      from ${schema}.ashlar_message where queue = (select id from ${schema}.ashlar_queue where name = $1) and id > $2`;
    const oldest = (state: number): string =>
      `(select enqueued_at from ${schema}.ashlar_message m where m.queue = q.id and m.state = ${state} order by lane, seq limit 1)`;
    this.#sql = {
      queues: statement(`select name, paused, c.*, coalesce(${oldest(1)}, ${oldest(0)}) from ${schema}.ashlar_queue q,
        lateral (select coalesce(sum(ready), 0), coalesce(sum(suspect), 0), coalesce(sum(running), 0), coalesce(sum(delayed), 0),
          coalesce(sum(waiting), 0), coalesce(sum(dead), 0) from ${schema}.ashlar_count where queue = q.id) c
        where known and ($1::text is null or name = $1) order by name`),
      messages: statement(`${messages} order by id limit $3`),
      messagesIn: statement(`${messages} and state = $4::int order by id limit $3`),
      cells:
        statement(`select key, version, value, expires_at from ${schema}.ashlar_cell where space = $1 and key >= $2 and key > $3
        and ($4::text is null or key < $4) and (expires_at is null or expires_at > $5) order by key limit $6`),
      // Two steps down the index for each stream, however many events it has.
      streams: statement(`with recursive l as (select id from ${schema}.ashlar_log where name = $1),
        s(stream, n) as (
          (select e.stream, 1 from ${schema}.ashlar_event e, l where e.log = l.id and e.stream >= $2 and e.stream > $3
            and ($4::text is null or e.stream < $4) order by e.stream limit 1)
          union all
          (select (select e.stream from ${schema}.ashlar_event e, l where e.log = l.id and e.stream > s.stream
            and ($4::text is null or e.stream < $4) order by e.stream limit 1), n + 1 from s where s.stream is not null and n < $5::int))
        select stream, (select version from ${schema}.ashlar_event v, l where v.log = l.id and v.stream = s.stream order by version desc limit 1)
        from s where stream is not null`),
    };
  }

  /** The rows of a query, page by page, each page a look of its own. */
  rows<Q extends ScanQuery>(query: Q, nowMs: number): AsyncGenerator<ScanRow<Q>>;
  rows(query: ScanQuery, nowMs: number): AsyncGenerator {
    switch (query.kind) {
      case "queues":
        return this.#queues(query);
      case "messages":
        return paged(
          query,
          (message: StoredMessage) => message.id,
          (page) => this.#messages(query, page),
        );
      case "cells":
        return paged(
          query,
          (cell: Cell) => cell.key,
          (page) => this.#cells(query, page, nowMs),
        );
      case "streams":
        return paged(
          query,
          (row: StreamRow) => row.stream,
          (page) => this.#streams(query, page),
        );
      default:
        throw new Error(`unknown scan ${JSON.stringify(query satisfies never)}`);
    }
  }

  async #ask(asked: Statement, ...values: readonly (string | null)[]): Promise<readonly WireRow[]> {
    const [answer] = await this.#runner.run([bound(asked, ...values)]);
    return answer?.rows ?? [];
  }

  async *#queues({ queue }: Query<"queues">): AsyncGenerator<QueueStatus> {
    const rows = await this.#ask(this.#sql.queues, queue === undefined ? null : kept(queue));
    for (const [name, paused, ready, suspect, running, delayed, waiting, dead, oldest] of rows)
      yield {
        queue: given(name ?? ""),
        ready: Number(ready),
        suspect: Number(suspect),
        running: Number(running),
        delayed: Number(delayed),
        waiting: Number(waiting),
        dead: Number(dead),
        flow: paused === "t" ? "paused" : "open",
        oldestReadyAtMs: optionalNumber(oldest),
      };
  }

  async #messages({ queue, state }: Query<"messages">, { after, limit }: Page): Promise<readonly StoredMessage[]> {
    const from = String(after === undefined ? 0 : (messageNumber(after) ?? 0));
    const values = [kept(queue), from, String(limit)];
    const rows =
      state === undefined
        ? await this.#ask(this.#sql.messages, ...values)
        : await this.#ask(this.#sql.messagesIn, ...values, String(stateNames.indexOf(state)));
    return rows.map((row) => stored(queue, row));
  }

  async #cells(
    { space, prefix = "" }: Query<"cells">,
    { after, limit }: Page,
    nowMs: number,
  ): Promise<readonly Cell[]> {
    const values = [kept(space), ...range(prefix, after), String(nowMs), String(limit)];
    const rows = await this.#ask(this.#sql.cells, ...values);
    return rows.map(([key, version, value, expiresAtMs]) => ({
      space,
      key: given(key ?? ""),
      value: given(value ?? ""),
      version: Number(version),
      expiresAtMs: optionalNumber(expiresAtMs),
    }));
  }

  async #streams({ log, prefix = "" }: Query<"streams">, { after, limit }: Page): Promise<readonly StreamRow[]> {
    const rows = await this.#ask(this.#sql.streams, kept(log), ...range(prefix, after), String(limit));
    return rows.map(([stream, version]) => ({ stream: given(stream ?? ""), version: Number(version) }));
  }
}

interface Page {
  readonly after: string | undefined;
  readonly limit: number;
}

/** From where, behind what, and up to what. */
function range(prefix: string, after: string | undefined): readonly (string | null)[] {
  const end = prefix === "" ? undefined : prefixEnd(kept(prefix));
  return [kept(prefix), kept(after ?? ""), end ?? null];
}

async function* paged<R>(
  bounds: { readonly after?: string | undefined; readonly limit?: number | undefined },
  keyOf: (row: R) => string,
  read: (page: Page) => Promise<readonly R[]>,
): AsyncGenerator<R> {
  let left = scanLimit(bounds.limit);
  let after = bounds.after;
  while (left > 0) {
    const limit = Math.min(left, pageRows);
    const rows = await read({ after, limit });
    yield* rows;
    const last = rows.at(-1);
    if (rows.length < limit || last === undefined) return;
    after = keyOf(last);
    left -= rows.length;
  }
}

function optionalNumber(text: string | null | undefined): number | undefined {
  return typeof text === "string" ? Number(text) : undefined;
}

function stored(queue: string, row: WireRow): StoredMessage {
  const [id, stateNumber, lane, due, attempt, crashes, enqueuedAtMs, diedAtMs, key, failures, reason, headers, body] =
    row;
  const state = stateNames[Number(stateNumber)] ?? "ready";
  return {
    queue,
    id: id ?? "",
    state,
    body: given(body ?? ""),
    headers: typeof headers === "string" ? (JSON.parse(headers) as Record<string, string>) : undefined,
    key: typeof key === "string" ? given(key) : undefined,
    lane: Number(lane),
    attempt: Number(attempt),
    crashes: Number(crashes),
    enqueuedAtMs: Number(enqueuedAtMs),
    dueAtMs: state === "waiting" ? undefined : optionalNumber(due),
    failures: readFailures(failures ?? null),
    reason: typeof reason === "string" ? given(reason) : undefined,
    diedAtMs: optionalNumber(diedAtMs),
  };
}
