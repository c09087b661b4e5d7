import type { CellBook } from "./cell-book.ts";
import type { Heads } from "./heads.ts";
import type { HeldMessages } from "./held-messages.ts";
import type { MessageWrites } from "./message-writes.ts";
import type { RowBatch } from "./row-batch.ts";
import type { Statements } from "./statements.sql.ts";
import type { Topics } from "../topics.ts";

/** What carrying out a change needs, for the length of one transaction. */
export interface Work {
  readonly sql: Statements;
  readonly heads: Heads;
  /** Flush it before any statement that reads or moves messages. */
  readonly messages: MessageWrites;
  readonly held: HeldMessages;
  readonly cells: CellBook;
  /** What is remembered of messages under their dedup keys. */
  readonly dedups: RowBatch;
  /** Inbox entries. */
  readonly seen: RowBatch;
  /** New events. Nothing reads events on the writing connection, except the version of a stream that is not among those known. */
  readonly events: RowBatch;
  /** Number of this open engine among all processes on the file. */
  instance: number;
  /** Topics to ring after the commit. */
  readonly topics: Topics;
  /** Engine time of the transaction. */
  nowMs: number;
}

/** The columns of a message that decide what may become of it. */
export interface MessageRow {
  readonly id: number;
  readonly state: number;
  readonly lane: number;
  readonly seq: number;
  readonly due: number | null;
  readonly token: number;
  readonly attempt: number;
  readonly crashes: number;
  readonly woken: number;
  readonly key: string | null;
  readonly failures: string | null;
}

/** Failure texts are kept as one JSON array, absent while there is none. */
export function readFailures(text: string | null): readonly string[] {
  return text === null ? [] : (JSON.parse(text) as readonly string[]);
}
