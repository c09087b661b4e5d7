import type { Cell } from "../cell.ts";
import type { QueueStatus, StoredMessage } from "../message.ts";
import type { ScanQuery, StreamRow } from "../scan.ts";
import { compareText } from "../text-order.ts";
import { messageNumber, scanLimit } from "../validate-request.ts";
import type { Entry } from "./entry.ts";
import type { MemoryState } from "./memory-state.ts";

type Query<K extends ScanQuery["kind"]> = Extract<ScanQuery, { readonly kind: K }>;
type Row = QueueStatus | StoredMessage | Cell | StreamRow;

/** One page of the rows that the query names, as they are now. */
export function scanPage(state: MemoryState, query: ScanQuery, nowMs: number): readonly Row[] {
  switch (query.kind) {
    case "queues":
      return scanQueues(state, query);
    case "messages":
      return taken(messages(state, query), query.limit);
    case "cells":
      return taken(cells(state, query, nowMs), query.limit);
    case "streams":
      return taken(streams(state, query), query.limit);
    default:
      throw new Error(`unknown scan ${JSON.stringify(query satisfies never)}`);
  }
}

function taken<R>(rows: Iterable<R>, limit: number | undefined): readonly R[] {
  return Iterator.from(rows).take(scanLimit(limit)).toArray();
}

function scanQueues(state: MemoryState, query: Query<"queues">): readonly QueueStatus[] {
  if (query.queue === undefined)
    return [...state.queues.values()]
      .map((queue) => queue.status())
      .toSorted((left, right) => compareText(left.queue, right.queue));
  const queue = state.queues.get(query.queue);
  return queue === undefined ? [] : [queue.status()];
}

/** Ids rise, and a map keeps the order in which they came. */
function* messages(state: MemoryState, query: Query<"messages">): Generator<StoredMessage> {
  const after = query.after === undefined ? 0 : (messageNumber(query.after) ?? 0);
  for (const entry of state.queues.get(query.queue)?.entries.values() ?? []) {
    if (entry.id > after && (query.state === undefined || entry.state === query.state)) yield shown(query.queue, entry);
  }
}

function* cells(state: MemoryState, query: Query<"cells">, nowMs: number): Generator<Cell> {
  const space = state.spaces.get(query.space);
  if (space === undefined) return;
  for (const key of space.names.from(query.after, query.prefix ?? "", (name) => space.cells.has(name))) {
    const cell = space.cells.get(key, nowMs);
    if (cell !== undefined) yield cell;
  }
}

function* streams(state: MemoryState, query: Query<"streams">): Generator<StreamRow> {
  const log = state.logs.get(query.log);
  if (log === undefined) return;
  for (const stream of log.names(query.after, query.prefix ?? "")) yield { stream, version: log.version(stream) };
}

function shown(queue: string, entry: Entry): StoredMessage {
  const { state, body, headers, key, lane, attempt, crashes, enqueuedAtMs, failures, reason, diedAtMs } = entry;
  const dueAtMs = state === "waiting" ? undefined : entry.dueAtMs;
  const id = String(entry.id);
  return {
    queue,
    id,
    state,
    body,
    headers,
    key,
    lane,
    attempt,
    crashes,
    enqueuedAtMs,
    dueAtMs,
    failures,
    reason,
    diedAtMs,
  };
}
