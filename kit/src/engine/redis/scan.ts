import type { RedisReply } from "../../drivers/redis/mod.ts";
import type { Cell } from "../cell.ts";
import type { MessageState, QueueStatus, StoredMessage } from "../message.ts";
import type { ScanQuery, ScanRow } from "../scan.ts";
import { compareText } from "../text-order.ts";
import { messageNumber, scanLimit } from "../validate-request.ts";
import { ask, type Dataset, listOf } from "./dataset.ts";
import { readContent } from "./encode.ts";
import { scripts } from "./scripts.ts";

type Query<K extends ScanQuery["kind"]> = Extract<ScanQuery, { readonly kind: K }>;

const states: readonly MessageState[] = ["ready", "suspect", "running", "delayed", "waiting", "dead"];
// Rows that one call looks at: a few milliseconds of the server.
const pageRows = 500;

/** Rows of a query, read page by page. */
export function scanRows<Q extends ScanQuery>(dataset: Dataset, query: Q): AsyncGenerator<ScanRow<Q>> {
  return rowsOf(dataset, query) as AsyncGenerator<ScanRow<Q>>;
}

function rowsOf(dataset: Dataset, query: ScanQuery): AsyncGenerator<QueueStatus | StoredMessage | Cell> {
  switch (query.kind) {
    case "queues":
      return queues(dataset, query);
    case "messages":
      return messages(dataset, query);
    case "cells":
      return cells(dataset, query);
    case "streams":
      throw new Error("a scan of streams was refused before");
    default:
      throw new Error(`unknown scan ${JSON.stringify(query satisfies never)}`);
  }
}

async function* queues(dataset: Dataset, { queue }: Query<"queues">): AsyncGenerator<QueueStatus> {
  let from = queue === undefined ? "-" : `[${queue}`;
  const to = queue === undefined ? "+" : `[${queue}`;
  for (;;) {
    const [rows] = await ask(dataset, scripts.scanQueues, [from, to, String(pageRows)]);
    const page = listOf(rows).map((row) => statusOf(listOf(row)));
    yield* page;
    const last = page.at(-1);
    if (last === undefined || page.length < pageRows) return;
    from = `(${last.queue}`;
  }
}

function statusOf([
  name,
  paused,
  ready,
  suspect,
  running,
  delayed,
  waiting,
  dead,
  oldest,
]: readonly RedisReply[]): QueueStatus {
  return {
    queue: String(name),
    ready: Number(ready),
    suspect: Number(suspect),
    running: Number(running),
    delayed: Number(delayed),
    waiting: Number(waiting),
    dead: Number(dead),
    flow: paused === 1 ? "paused" : "open",
    oldestReadyAtMs: optionalNumber(oldest),
  };
}

async function* messages(dataset: Dataset, query: Query<"messages">): AsyncGenerator<StoredMessage> {
  const { queue, state, limit } = query;
  const stateNumber = String(state === undefined ? -1 : states.indexOf(state));
  let after = String(query.after === undefined ? 0 : (messageNumber(query.after) ?? 0));
  for (let left = scanLimit(limit); left > 0;) {
    const most = String(Math.min(left, pageRows));
    const [rows, through] = await ask(dataset, scripts.scanMessages, [
      queue,
      stateNumber,
      after,
      String(pageRows),
      most,
    ]);
    const page = listOf(rows).map((row) => stored(queue, listOf(row)));
    yield* page;
    left -= page.length;
    if (typeof through !== "string") return;
    after = through;
  }
}

function stored(queue: string, row: readonly RedisReply[]): StoredMessage {
  const [id, state, lane, attempt, crashes, due, key, content, failures, reason, died] = row;
  const diedAtMs = optionalNumber(died);
  return {
    queue,
    id: String(id),
    state: states[Number(state)] ?? "ready",
    ...readContent(String(content)),
    key: key === "" ? undefined : String(key),
    lane: Number(lane),
    attempt: Number(attempt),
    crashes: Number(crashes),
    dueAtMs: optionalNumber(due),
    failures: listOf(failures).map(String),
    reason: diedAtMs === undefined ? undefined : String(reason),
    diedAtMs,
  };
}

async function* cells(dataset: Dataset, query: Query<"cells">): AsyncGenerator<Cell> {
  const { space, prefix = "", limit } = query;
  // No byte of UTF-8 is this one: behind everything that begins with the prefix.
  const to = prefix === "" ? "+" : Buffer.concat([Buffer.from(`(${prefix}`), Buffer.from([0xff])]);
  let { after } = query;
  for (let left = scanLimit(limit); left > 0;) {
    const from = after !== undefined && compareText(after, prefix) >= 0 ? `(${after}` : `[${prefix}`;
    const start = from === "[" ? "-" : from;
    const most = String(Math.min(left, pageRows));
    const [rows, through] = await ask(dataset, scripts.scanCells, [space, start, to, most]);
    const page = listOf(rows).map((row) => cellOf(space, listOf(row)));
    yield* page;
    left -= page.length;
    if (typeof through !== "string") return;
    after = through;
  }
}

function cellOf(space: string, [key, version, expires, value]: readonly RedisReply[]): Cell {
  return {
    space,
    key: String(key),
    value: String(value),
    version: Number(version),
    expiresAtMs: optionalNumber(expires),
  };
}

function optionalNumber(reply: RedisReply | undefined): number | undefined {
  return reply === -1 || reply === undefined ? undefined : Number(reply);
}
