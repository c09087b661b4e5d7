import { ConfigError } from "../../errors/mod.ts";
import { bound, statement, type Bound, type WireRow } from "./statement.ts";

/** A place in the write-ahead log of a primary, as PostgreSQL writes it: `16/B374D848`. May be handed to clients and taken back: it says how much was
 *  written, and nothing else. It holds for the servers that follow that primary; behind a fail-over for what it has kept. */
export type WalPosition = string;

/** The bytes of the log before it. Throws ConfigError. */
export function walBytes(position: WalPosition): bigint {
  const [, high, low] = /^([0-9a-f]{1,8})\/([0-9a-f]{1,8})$/i.exec(position) ?? [];
  if (high === undefined || low === undefined)
    throw new ConfigError("after", position, "a position in the log of the primary, such as 16/B374D848");
  return (BigInt(`0x${high}`) << 32n) + BigInt(`0x${low}`);
}

/** The position behind so many bytes. */
export function walPosition(bytes: bigint): WalPosition {
  const hex = (part: bigint): string => part.toString(16).toUpperCase();
  return `${hex(bytes >> 32n)}/${hex(bytes & 0xffff_ffffn)}`;
}

/** Asks a primary where the next record begins: behind all that is committed, also what is not on disk yet. */
export const askNextRecord: Bound = bound(
  statement(`select pg_current_wal_insert_lsn(), current_setting('wal_block_size'),
    pg_size_bytes(current_setting('wal_segment_size'))`),
);

// Sizes of the headers of pages, and of the first page of a segment (xlog_internal.h).
const pageHeader = 24n;
const segmentHeader = 40n;

/** Reads the answer: where the latest record ends. That is not where the next one begins when a page is just full: between them is the page's header, and
 *  a replica of a quiet primary, which has replayed everything, would be waited for in vain. */
export function latestRecordEnd([next, pageBytes, segmentBytes]: WireRow): bigint {
  const bytes = walBytes(next ?? "");
  if (bytes % BigInt(segmentBytes ?? "") === segmentHeader) return bytes - segmentHeader;
  return bytes % BigInt(pageBytes ?? "") === pageHeader ? bytes - pageHeader : bytes;
}

/** Asks a server whether it is a replica, and how far it has replayed. */
export const askReplayed: Bound = bound(statement("select pg_is_in_recovery(), pg_last_wal_replay_lsn()"));

/** Reads the answer. Undefined: the server is no replica. */
export function replayedBytes([isReplica, replayed]: WireRow): bigint | undefined {
  if (isReplica !== "t") return undefined;
  return replayed === null || replayed === undefined ? 0n : walBytes(replayed);
}
