import type { CellKey, ExpectedCell } from "./cell.ts";
import type { ExpectedVersion } from "./event-record.ts";
import type { Receipt } from "./message.ts";

/** What became of one change; at the index of its change. */
export type Outcome =
  | { readonly op: "enqueue"; readonly messages: readonly EnqueuedMessage[] }
  /** Version of the last event in its stream, and its position in the log. */
  | { readonly op: "append"; readonly version: number; readonly position: number }
  /** Version of the cell after the write. */
  | { readonly op: "put"; readonly version: number }
  /** How many messages the change moved. */
  | { readonly op: "wake" | "redrive" | "discard"; readonly count: number }
  | { readonly op: "settle" | "hold" | "check" | "seen" | "flow" };

/** `existing`: a message with the same dedup key is remembered, and `id` is its id. */
export interface EnqueuedMessage {
  readonly id: string;
  readonly status: "added" | "existing";
  /** Present when the message was claimed at once. */
  readonly receipt?: Receipt;
}

/** Why a commit was not applied. An expected answer, not a fault. */
export type Refusal =
  | { readonly kind: "lease-lost"; readonly receipt: Receipt }
  | {
      readonly kind: "version-conflict";
      readonly log: string;
      readonly stream: string;
      readonly expected: ExpectedVersion;
      /** Current version; 0 when the stream does not exist. */
      readonly actual: number;
    }
  | {
      readonly kind: "cell-conflict";
      readonly cell: CellKey;
      readonly expected: ExpectedCell;
      /** Current version; `undefined` when the cell is absent. */
      readonly actual: number | undefined;
    }
  | { readonly kind: "already-seen"; readonly consumer: string; readonly id: string }
  | { readonly kind: "queue-full"; readonly queue: string; readonly depth: number; readonly depthMax: number };

/** Either all changes were applied, or none, with the index of the first change that was refused. */
export type CommitResult =
  | { readonly committed: true; readonly outcomes: readonly Outcome[] }
  | { readonly committed: false; readonly index: number; readonly refusal: Refusal };
