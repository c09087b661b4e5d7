import type { CellKey, ExpectedCell } from "./cell.ts";
import type { ExpectedVersion, NewEvent } from "./event-record.ts";
import type { NewMessage, Receipt, Settlement } from "./message.ts";

/** Adds messages. Refused as a whole (`queue-full`) when the queue would hold more than `depthMax` messages that are not dead. */
export interface Enqueue {
  readonly op: "enqueue";
  readonly queue: string;
  readonly messages: readonly NewMessage[];
  /** 1 or more; default 1. Recorded with each key; the latest value counts. */
  readonly keyConcurrency?: number | undefined;
  readonly depthMax?: number | undefined;
}

/** Ends a claim. Refused (`lease-lost`) unless the receipt is the current one. */
export interface Settle {
  readonly op: "settle";
  readonly receipt: Receipt;
  readonly as: Settlement;
}

/** Lets the commit pass only while the receipt is the current one (fence of a step or checkpoint). */
export interface Hold {
  readonly op: "hold";
  readonly receipt: Receipt;
}

/** Appends events to one stream of a log. Refused (`version-conflict`) unless the stream is as expected. */
export interface Append {
  readonly op: "append";
  readonly log: string;
  readonly stream: string;
  readonly expected: ExpectedVersion;
  /** At least one. */
  readonly events: readonly NewEvent[];
}

/** Writes, or with `value: undefined` deletes, one cell. Refused (`cell-conflict`) unless the cell is as expected. */
export interface Put {
  readonly op: "put";
  readonly cell: CellKey;
  readonly expect: ExpectedCell;
  readonly value: string | undefined;
  /** Milliseconds from the engine's now; `undefined` keeps the cell for good. */
  readonly expiresInMs?: number | undefined;
}

/** Lets the commit pass only while the cell is as expected (guard of a lock, a switch, a registration). */
export interface Check {
  readonly op: "check";
  readonly cell: CellKey;
  readonly expect: ExpectedCell;
}

/** Inbox entry: refused (`already-seen`) when `consumer` has committed `id` before, within the time it was kept. */
export interface Seen {
  readonly op: "seen";
  readonly consumer: string;
  readonly id: string;
  readonly keepMs: number;
}

/** Ends the sleep of delayed messages. A running one is marked, so that its next `park` or `retry` ends at once: no wake-up is lost. */
export interface Wake {
  readonly op: "wake";
  readonly queue: string;
  readonly ids: readonly string[];
}

/** Makes dead messages ready again, with attempts and crashes at zero and their failures kept. */
export interface Redrive {
  readonly op: "redrive";
  readonly queue: string;
  readonly ids: readonly string[];
  /** 1 or more. Recorded with the key of each message; default: as it is, which is 1 for a key of which nothing but the dead is left. */
  readonly keyConcurrency?: number | undefined;
}

/** Removes messages that nobody holds (any state but `running`). */
export interface Discard {
  readonly op: "discard";
  readonly queue: string;
  readonly ids: readonly string[];
  /** Only those that are dead still: one that was redriven meanwhile stays. */
  readonly state?: "dead" | undefined;
}

/** Pauses or opens a queue. A paused queue takes messages and settlements and hands out nothing. */
export interface Flow {
  readonly op: "flow";
  readonly queue: string;
  readonly to: "open" | "paused";
}

/** One write. A commit names each stream, cell, receipt and inbox entry at most once. */
export type Change = Enqueue | Settle | Hold | Append | Put | Check | Seen | Wake | Redrive | Discard | Flow;
