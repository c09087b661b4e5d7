import type { Cell } from "./cell.ts";
import type { MessageState, QueueStatus, StoredMessage } from "./message.ts";

/** What to list. `limit` bounds the rows (default: all of them, read page by page); `after` continues behind a key, id or name. */
export type ScanQuery =
  | { readonly kind: "queues"; readonly queue?: string | undefined }
  | {
      readonly kind: "messages";
      readonly queue: string;
      readonly state?: MessageState | undefined;
      readonly after?: string | undefined;
      readonly limit?: number | undefined;
    }
  | {
      readonly kind: "cells";
      readonly space: string;
      readonly prefix?: string | undefined;
      readonly after?: string | undefined;
      readonly limit?: number | undefined;
    }
  | {
      readonly kind: "streams";
      readonly log: string;
      readonly prefix?: string | undefined;
      readonly after?: string | undefined;
      readonly limit?: number | undefined;
    };

/** A stream and the version of its last event. */
export interface StreamRow {
  readonly stream: string;
  readonly version: number;
}

/** The row a query yields. Messages come by id, cells by key, streams and queues by name. */
export type ScanRow<Q extends ScanQuery> = Q extends { readonly kind: "queues" }
  ? QueueStatus
  : Q extends { readonly kind: "messages" }
    ? StoredMessage
    : Q extends { readonly kind: "cells" }
      ? Cell
      : StreamRow;
