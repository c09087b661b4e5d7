import type { BellTopic } from "../engine.ts";
import type { Heads } from "./heads.ts";
import type { RowBatch } from "./row-batch.ts";
import type { Statements } from "./statements.sql.ts";

/** What carrying out a change needs, for the length of one transaction. */
export interface Work {
  readonly sql: Statements;
  readonly heads: Heads;
  /** New ready messages without key or headers. Flush it before any statement that reads or moves messages. */
  readonly adds: RowBatch;
  /** New events. Nothing reads events on the writing connection, except the version of a stream that is not among those known. */
  readonly events: RowBatch;
  /** Number of this open engine among all processes on the file. */
  instance: number;
  /** Topics to ring after the commit. */
  readonly topics: Set<BellTopic>;
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
