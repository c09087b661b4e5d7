import type { WireRow } from "../../drivers/postgres/mod.ts";
import { invariant } from "../../errors/mod.ts";
import type { NewEvent } from "../event-record.ts";
import { Topics } from "../topics.ts";
import { dead } from "./schema.ts";
import { given } from "./text.ts";

/** A stored message, without its body, as the open transaction will leave it. */
export interface MessageRow {
  readonly id: number;
  readonly queue: QueueState;
  readonly key: string | undefined;
  readonly lane: number;
  state: number;
  seq: number;
  /** When a delayed one matures, a lease ends, or a waiting one may be claimed at the earliest. */
  due: number | null;
  token: number;
  attempt: number;
  crashes: number;
  woken: boolean;
  /** Whether its key lets it in. */
  admitted: boolean;
  /** JSON. */
  failures: string | null;
  reason: string | null;
  diedAtMs: number | null;
  /** What has to be written. A new one carries the rest of its columns. */
  change: "none" | "new" | "changed" | "gone";
  /** A new one that a later list of the same transaction has changed. */
  isAmended?: boolean;
  readonly content?: { readonly headers: string | null; readonly body: string };
}

/** One queue in the open transaction. */
export interface QueueState {
  readonly id: number;
  readonly name: string;
  isKnown: boolean;
  isPaused: boolean;
  isFlowChanged: boolean;
  isChanged: boolean;
  /** Messages that are not dead, as the lists before left them; only where a depth was asked for. */
  depth: number;
  /** How many more messages of each state there are than counted. */
  readonly moved: number[];
}

/** Order and concurrency of one key. Its name is locked. */
export interface KeyState {
  readonly queue: QueueState;
  readonly key: string;
  /** Kept in a row of its own when it is another than 1. */
  concurrency: number;
  isKept: boolean;
  isChanged: boolean;
  admitted: number;
  /** The first of those that wait, in their order: as many as the transaction can let in. */
  readonly waiting: MessageRow[];
  readonly holdsAll: boolean;
}

/** One log whose row is locked. */
export interface LogState {
  readonly id: number;
  readonly name: string;
  head: number;
  recordedAtMs: number;
  isChanged: boolean;
  readonly versions: Map<string, number>;
}

/** A cell whose name is locked. */
export interface CellState {
  readonly space: string;
  readonly key: string;
  /** `undefined`: absent or expired. */
  version: number | undefined;
  write: { readonly value: string | undefined; readonly expiresAtMs: number | null } | undefined;
}

/** An event to be written. */
export interface EventRow {
  readonly log: LogState;
  readonly position: number;
  readonly stream: string;
  readonly version: number;
  readonly recordedAtMs: number;
  readonly event: NewEvent;
}

/** An inbox entry whose name is locked. */
export interface SeenState {
  readonly consumer: string;
  readonly id: string;
  isSeen: boolean;
  /** To be written. */
  expiresAtMs: number | undefined;
}

/** A dedup key whose name is locked. */
export interface DedupState {
  readonly queue: QueueState;
  readonly key: string;
  message: number | undefined;
  /** To be written. */
  expiresAtMs: number | undefined;
}

/** What one transaction works on: everything that its lists name, locked, read once, changed in memory, and written together. */
export class Work {
  readonly nowMs: number;
  readonly topics: Topics = new Topics();
  readonly queues: Map<string, QueueState> = new Map();
  readonly messages: Map<number, MessageRow> = new Map();
  readonly keys: Map<string, KeyState> = new Map();
  readonly logs: Map<string, LogState> = new Map();
  readonly cells: Map<string, CellState> = new Map();
  readonly seen: Map<string, SeenState> = new Map();
  readonly dedups: Map<string, DedupState> = new Map();
  /** To be written, in order. */
  readonly touched: Set<MessageRow> = new Set();
  readonly events: EventRow[] = [];
  /** Messages that were handed to those who added them. */
  readonly handedOut: MessageRow[] = [];
  #numbers: readonly string[] = [];
  #numbersUsed = 0;

  constructor(nowMs: number) {
    this.nowMs = nowMs;
  }

  /** Numbers that the server has drawn for this transaction after it had its locks: ids, places in a lane, versions of cells. */
  addNumbers(text: string | null | undefined): void {
    this.#numbers = [
      ...this.#numbers.slice(this.#numbersUsed),
      ...(text ?? "").split(",").filter((number) => number !== ""),
    ];
    this.#numbersUsed = 0;
  }

  nextNumber(): number {
    const number = this.#numbers[this.#numbersUsed++];
    invariant(number !== undefined, "as many numbers were drawn as the lists can use");
    return Number(number);
  }

  /** The row as far as it is known already, else taken from columns in the order of the statements. */
  keep(columns: WireRow, queue: QueueState): MessageRow {
    const [id, , state, lane, seq, due, token, attempt, crashes, woken, admitted, key, failures] = columns;
    const known = this.messages.get(Number(id));
    if (known !== undefined) return known;
    const row: MessageRow = {
      id: Number(id),
      queue,
      key: typeof key === "string" ? given(key) : undefined,
      lane: Number(lane),
      state: Number(state),
      seq: Number(seq),
      due: typeof due === "string" ? Number(due) : null,
      token: Number(token),
      attempt: Number(attempt),
      crashes: Number(crashes),
      woken: woken === "t",
      admitted: admitted === "t",
      failures: failures ?? null,
      reason: null,
      diedAtMs: null,
      change: "none",
    };
    this.messages.set(row.id, row);
    return row;
  }

  /** Moves a message to another state; `undefined` takes it away. */
  move(row: MessageRow, state: number | undefined): void {
    const { queue } = row;
    const { moved } = queue;
    moved[row.state] = (moved[row.state] ?? 0) - 1;
    if (row.state !== dead) queue.depth -= 1;
    if (state === undefined) row.change = "gone";
    else {
      moved[state] = (moved[state] ?? 0) + 1;
      if (state !== dead) queue.depth += 1;
      row.state = state;
    }
    this.touch(row);
  }

  /** Its columns have changed. */
  touch(row: MessageRow): void {
    if (row.change === "none") row.change = "changed";
    this.touched.add(row);
  }

  queue(name: string): QueueState {
    const queue = this.queues.get(name);
    invariant(queue !== undefined, "a queue that a list names is loaded");
    return queue;
  }
}

/** How the state of a key is found. */
export function keyName(queue: number, key: string): string {
  return `${queue}/${key}`;
}

/** How what has two names is found; names may hold any character. */
export function pairName(first: string, second: string): string {
  return `${first.length}:${first}/${second}`;
}

/** Failure texts as stored. */
export function readFailures(failures: string | null): readonly string[] {
  return failures === null ? [] : (JSON.parse(failures) as string[]);
}
